// The wrapping key, and the passwords among the settings, in two vaults: the platform cannot resolve a setting that
// refers to a vault behind a private endpoint, and the key needs no public door at all.

@description('Name of the vault of the wrapping key.')
@minLength(3)
@maxLength(24)
param keyVaultName string

@description('Name of the vault of the settings.')
@minLength(3)
@maxLength(24)
param settingsVaultName string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Closes the key\'s vault to the Internet.')
param isPrivate bool

@description('Workspace of the logs.')
param workspaceId string

resource keyVault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: keyVaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // Without the key every batch that is under way loses its passwords.
    enablePurgeProtection: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      // The resource provider makes the key as a trusted service.
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource key 'Microsoft.KeyVault/vaults/keys@2024-11-01' = {
  parent: keyVault
  name: 'batch-wrapping'
  properties: {
    kty: 'RSA'
    keySize: 3072
    keyOps: [
      'wrapKey'
      'unwrapKey'
    ]
    // No expiry: each batch keeps the version that it was sealed with, and an expired one would open nothing.
    rotationPolicy: {
      lifetimeActions: [
        {
          trigger: {
            timeAfterCreate: 'P1Y'
          }
          action: {
            type: 'rotate'
          }
        }
      ]
    }
  }
}

resource settingsVault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: settingsVaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    // The platform resolves the settings from outside every network; only identities with a role get in.
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

resource keyVaultLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: keyVault
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

resource settingsVaultLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: settingsVault
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the vault of the wrapping key.')
output keyVaultId string = keyVault.id

@description('Name of the vault of the wrapping key.')
output keyVaultName string = keyVault.name

@description('Name of the wrapping key.')
output keyName string = key.name

@description('The wrapping key without a version: the app writes the version it used beside what it sealed.')
output keyUri string = key.properties.keyUri

@description('Name of the vault of the settings.')
output settingsVaultName string = settingsVault.name

@description('Address of the vault of the settings, with a slash at the end.')
output settingsVaultUri string = settingsVault.properties.vaultUri
