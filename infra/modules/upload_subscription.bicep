// Second step, after the code is there: let uploads wake the app. The key of its web hook is read here, inside Azure:
// it passes through no shell, no pipeline and no output.

@description('Name of the function app.')
@minLength(2)
@maxLength(60)
param appName string

@description('Name of the topic.')
@minLength(3)
@maxLength(50)
param topicName string

@description('Storage account of the uploads.')
@minLength(3)
@maxLength(24)
param storageName string

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'batch-uploaded'
  properties: {
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.batch_uploaded&code=${listKeys('${app.id}/host/default', '2024-11-01').systemKeys.blobs_extension}'
        maxEventsPerBatch: 1
        minimumTlsVersionAllowed: '1.2'
      }
    }
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: [
        'Microsoft.Storage.BlobCreated'
      ]
      // Every file, whatever its ending: what is no batch is deleted by the app, because it may hold passwords.
      subjectBeginsWith: '/blobServices/default/containers/batches/blobs/'
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: storage.id
          blobContainerName: 'dead-letter'
        }
      }
    }
  }
}

@description('Name of the subscription.')
output name string = subscription.name
