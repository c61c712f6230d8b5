// Every permission in Azure, and no other file has one. What the app may do in Microsoft 365 is granted by infra/grants.
// Names and ids: "Azure built-in roles", Microsoft Learn.

@description('Object id of the app\'s identity.')
param principalId string

@description('Object id of the topic\'s identity.')
param topicPrincipalId string

@description('Object id of the operators\' group; empty: none.')
param operatorGroupId string

@description('Storage account.')
param storageName string

@description('Vault of the wrapping key.')
param keyVaultName string

@description('Wrapping key.')
param keyName string

@description('Vault of the settings.')
param settingsVaultName string

@description('Application Insights component.')
param componentName string

@description('Durable Task Scheduler; empty: none.')
param schedulerName string

var roles = {
  durableTaskDataContributor: '0ad04412-c4d5-4796-b79c-f76d14c8d402'
  durableTaskDataReader: 'd6a5505f-6ebb-45a4-896e-ac8274cfc0ac'
  keyVaultCryptoServiceEncryptionUser: 'e147488a-f6f5-4113-8e2d-b22465e65bf6'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  monitoringReader: '43d0d8ad-25c7-4714-9337-8ba259a9fe05'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageBlobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  storageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}
var definitions = 'Microsoft.Authorization/roleDefinitions'

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  parent: storage
  name: 'default'
}

resource uploads 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = {
  parent: blobs
  name: 'batches'
}

resource reports 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = {
  parent: blobs
  name: 'reports'
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = {
  parent: blobs
  name: 'dead-letter'
}

resource keyVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource key 'Microsoft.KeyVault/vaults/keys@2024-11-01' existing = {
  parent: keyVault
  name: keyName
}

resource settingsVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: settingsVaultName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = if (!empty(schedulerName)) {
  name: schedulerName
}

// The host's books and the deployed code (blob), the trigger's queue, ledger and sealed passwords (table).
var storageRoles = [
  roles.storageBlobDataOwner
  roles.storageQueueDataContributor
  roles.storageTableDataContributor
]
resource appStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in storageRoles: {
  name: guid(storage.id, principalId, role)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, role)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

// Wrap and unwrap the data key of each batch: this key, and nothing else in the vault.
resource appKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(key.id, principalId, roles.keyVaultCryptoServiceEncryptionUser)
  scope: key
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.keyVaultCryptoServiceEncryptionUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Read the passwords among the settings.
resource appSettingsVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(settingsVault.id, principalId, roles.keyVaultSecretsUser)
  scope: settingsVault
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.keyVaultSecretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Write logs.
resource appComponent 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, principalId, roles.monitoringMetricsPublisher)
  scope: component
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.monitoringMetricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Run stories.
resource appScheduler 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(schedulerName)) {
  name: guid(scheduler.id, principalId, roles.durableTaskDataContributor)
  scope: scheduler
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.durableTaskDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Event Grid: leave what it could not deliver.
resource topicDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, topicPrincipalId, roles.storageBlobDataContributor)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataContributor)
    principalId: topicPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// Operators: upload, read reports, see the stories and the logs.
resource operatorUploads 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorGroupId)) {
  name: guid(uploads.id, operatorGroupId, roles.storageBlobDataContributor)
  scope: uploads
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataContributor)
    principalId: operatorGroupId
    principalType: 'Group'
  }
}

resource operatorReports 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorGroupId)) {
  name: guid(reports.id, operatorGroupId, roles.storageBlobDataReader)
  scope: reports
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataReader)
    principalId: operatorGroupId
    principalType: 'Group'
  }
}

resource operatorStories 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorGroupId) && !empty(schedulerName)) {
  name: guid(scheduler.id, operatorGroupId, roles.durableTaskDataReader)
  scope: scheduler
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.durableTaskDataReader)
    principalId: operatorGroupId
    principalType: 'Group'
  }
}

resource operatorLogs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorGroupId)) {
  name: guid(component.id, operatorGroupId, roles.monitoringReader)
  scope: component
  properties: {
    roleDefinitionId: subscriptionResourceId(definitions, roles.monitoringReader)
    principalId: operatorGroupId
    principalType: 'Group'
  }
}
