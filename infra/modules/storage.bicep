// One account for uploads, archive, reports, tables and the host's own books. No key opens it: identities only.

@description('Name of the account.')
@minLength(3)
@maxLength(24)
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Redundancy.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
])
param sku string

@description('Closed to the Internet; reached through private endpoints only.')
param isPrivate bool

@description('Workspace of the logs.')
param workspaceId string

@description('Days after which an upload that nobody took in is deleted: it may hold passwords.')
@minValue(1)
@maxValue(7)
param uploadLeftoverDays int = 1

@description('Days for which an upload that Event Grid could not deliver is remembered.')
@minValue(1)
@maxValue(90)
param deadLetterDays int = 30

var containerNames = [
  'app-package'
  'archive'
  'batches'
  'dead-letter'
  'reports'
]

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Event Grid writes what it could not deliver as a trusted service, with the topic's identity.
      bypass: 'AzureServices'
      // Without a network of its own the app comes from addresses that nobody can name beforehand.
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

// Neither soft delete nor versions: they would keep the uploads, and the passwords in them, that Bascule deletes.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: false
    }
    isVersioningEnabled: false
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [for containerName in containerNames: {
  parent: blobs
  name: containerName
  properties: {
    publicAccess: 'None'
  }
}]

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: account
  name: 'default'
}

resource leftovers 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'uploads-that-nobody-took-in'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'batches/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: uploadLeftoverDays
                }
              }
            }
          }
        }
        {
          name: 'dead-letters'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'dead-letter/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: deadLetterDays
                }
              }
            }
          }
        }
      ]
    }
  }
  dependsOn: [
    blobs
  ]
}

resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    // Reads are left out: the host reads all day, and says nothing by it.
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queues
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    // The alert on uploads that failed five times reads these.
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('Container of the deployed code.')
output packageContainerName string = containers[0].name
