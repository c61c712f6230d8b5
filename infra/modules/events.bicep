// The topic on which storage says that a file was uploaded. Who listens is added by upload_subscription.bicep, after
// the code is there: Event Grid asks a listener to answer before it takes it.

@description('Name of the topic.')
@minLength(3)
@maxLength(50)
param name string

@description('Azure region, the same as the account\'s.')
param location string

@description('Tags.')
param tags object

@description('Storage account of the uploads.')
param storageName string

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: storage.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

@description('Resource id of the topic.')
output id string = topic.id

@description('Name of the topic.')
output name string = topic.name

@description('Object id of the topic\'s identity: it writes dead letters.')
output principalId string = topic.identity.principalId
