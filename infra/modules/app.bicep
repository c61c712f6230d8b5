// The function app on Flex Consumption. It holds no key: storage, scheduler, vault and logs are opened by its identity.

@description('Name of the app. The host knows itself by the first 32 characters.')
@minLength(2)
@maxLength(32)
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the app\'s identity.')
param identityId string

@description('Application id of the app\'s identity.')
param identityClientId string

@description('Storage account.')
param storageName string

@description('Container of the deployed code.')
param packageContainerName string

@description('Application Insights component.')
param componentName string

@description('The wrapping key, without a version.')
param keyUri string

@description('Address of the settings vault, with a slash at the end.')
param settingsVaultUri string

@description('Address of the Durable Task Scheduler; empty: the stories are kept in Azure Storage.')
param schedulerEndpoint string

@description('Hub of the stories.')
@minLength(3)
@maxLength(45)
param hubName string

@description('Subnet of the app; empty: none.')
param subnetId string

@description('Address ranges, as CIDR, from which operators call.')
param operatorAddressRanges array

@description('Most instances at one time.')
@minValue(40)
@maxValue(200)
param instanceCountMax int

@description('Instances kept warm for the stories.')
@minValue(0)
@maxValue(5)
param alwaysReadyCount int

@description('The alias map\'s password lies in the settings vault.')
param hasAliasMapPassword bool

@description('The master user\'s password lies in the settings vault.')
param hasSourceMasterPassword bool

@description('Callers sign in with Entra ID.')
param hasSignIn bool

@description('Where the documentation is read; empty: nowhere.')
param docsUrl string

// As many threads as host.json lets stories and steps run at one time.
var threadCount = 16

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    // Linux: the only one that this plan knows.
    reserved: true
  }
}

var eventGridRule = [
  {
    name: 'event-grid'
    description: 'Uploads wake the app.'
    priority: 100
    action: 'Allow'
    tag: 'ServiceTag'
    ipAddress: 'AzureEventGrid'
  }
]
var operatorRules = [for (range, i) in operatorAddressRanges: {
  name: 'operators-${i}'
  description: 'Operators call the API.'
  priority: 200 + i
  action: 'Allow'
  tag: 'Default'
  ipAddress: range
}]

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  // azd finds the app of its service by this tag.
  tags: union(tags, {
    'azd-service-name': 'api'
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    // Event Grid delivers from outside every network, so the door stays public, and its keeper lets in two kinds of callers.
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      ipSecurityRestrictions: concat(eventGridRule, operatorRules)
      ipSecurityRestrictionsDefaultAction: 'Deny'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.11'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: instanceCountMax
        alwaysReady: alwaysReadyCount == 0 ? [] : [
          {
            name: 'durable'
            instanceCount: alwaysReadyCount
          }
        ]
      }
    }
  }
}

// Code is published with Entra ID only, never with a user name and a password.
resource ftpPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

var baseSettings = {
  AzureWebJobsStorage__accountName: storage.name
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AzureFunctionsJobHost__extensions__durableTask__hubName: hubName
  PYTHON_THREADPOOL_THREAD_COUNT: string(threadCount)
  BASCULE_PLAN: 'plan.toml'
  BASCULE_KEY: keyUri
  BASCULE_STORAGE_ACCOUNT: storage.name
  BASCULE_MANAGED_IDENTITY_CLIENT_ID: identityClientId
}
// host.json names Azure Storage, which needs nothing besides; these two lines turn it to the scheduler.
var schedulerSettings = empty(schedulerEndpoint) ? {} : {
  AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureManaged'
  AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
  DURABLE_TASK_SCHEDULER_CONNECTION_STRING: 'Endpoint=${schedulerEndpoint};Authentication=ManagedIdentity;ClientID=${identityClientId}'
}
var aliasMapSettings = hasAliasMapPassword ? { BASCULE_ALIAS_MAP_PASSWORD: '@Microsoft.KeyVault(SecretUri=${settingsVaultUri}secrets/alias-map-password)' } : {}
var sourceSettings = hasSourceMasterPassword ? { BASCULE_SOURCE_MASTER_PASSWORD: '@Microsoft.KeyVault(SecretUri=${settingsVaultUri}secrets/source-master-password)' } : {}
var docsSettings = empty(docsUrl) ? {} : { BASCULE_DOCS_URL: docsUrl }
// Tokens of this tenant only; the app then asks for roles instead of function keys. Its identity vouches for it: no secret.
var signInSettings = hasSignIn ? {
  BASCULE_SIGN_IN: 'required'
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
  WEBSITE_AUTH_AAD_ALLOWED_TENANTS: tenant().tenantId
} : {}

resource settings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: union(baseSettings, schedulerSettings, aliasMapSettings, sourceSettings, docsSettings, signInSettings)
}

@description('Name of the app.')
output name string = app.name

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
