// One identity for the app. User-assigned, so that it has its rights before the app first starts, and keeps them when
// the app is made anew.

@description('Name of the identity.')
@minLength(3)
@maxLength(128)
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id.')
output id string = identity.id

@description('Object id, for role assignments.')
output principalId string = identity.properties.principalId

@description('Application id, for the settings of the app.')
output clientId string = identity.properties.clientId
