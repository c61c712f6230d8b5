// Table of contents of everything Bascule needs in Azure. Each module is one concern and says why it is as it is;
// every permission is in modules/rbac.bicep. How to run it: docs/how-to/deploy.md.
targetScope = 'subscription'

@description('Name of this installation: part of every name, so that several can stand side by side.')
@minLength(3)
@maxLength(10)
param environmentName string

@description('Azure region of everything. It must offer Flex Consumption and the Durable Task Scheduler.')
@minLength(3)
@maxLength(40)
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('none: no network of its own. outbound: a subnet and a fixed outbound address. private: also private endpoints, and storage, vault and scheduler closed to the Internet.')
@allowed([
  'none'
  'outbound'
  'private'
])
param network string = 'private'

@description('Address ranges of the network, of the app\'s subnet (a /26: an app may take 40 addresses) and of the private endpoints. They must not overlap with the network of the mail servers.')
param addressPrefixes object = {
  network: '10.83.0.0/24'
  app: '10.83.0.0/26'
  endpoints: '10.83.0.64/26'
}

@description('Resource id of the virtual network in which the database of the alias map is reached; empty: none. The other side of the peering is made there.')
@maxLength(300)
param sourceNetworkId string = ''

@description('Addresses of name servers of your own, for an alias map whose database has a private name that only they know. Empty: Azure\'s. They must forward every other name to a resolver that knows the private endpoints.')
@maxLength(5)
param dnsServers array = []

@description('Address ranges, as CIDR, from which operators call the API. Empty: nobody but Event Grid.')
@maxLength(50)
param operatorAddressRanges array = []

@description('Application id of the sign-in of the API, made by infra/grants. none: function keys alone, and whoever holds one may do everything. No default and never empty: what was forgotten would take the roles away from an app that has them.')
@minLength(4)
@maxLength(36)
param apiClientId string

@description('Application ids of the clients that may ask for the API in a person\'s name. The default is the Azure CLI.')
@maxLength(10)
param allowedClientIds array = [
  '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
]

@description('Object id of an Entra group of people who may approve: they upload past the API and its roles, read what lies there, read reports and see the stories. Empty: nobody.')
@maxLength(36)
param operatorGroupId string = ''

@description('Where alerts are sent.')
@minLength(6)
@maxLength(254)
param operatorEmail string

@description('scheduler: Durable Task Scheduler. storage: Azure Storage, slower and without a dashboard, but nothing to pay at rest.')
@allowed([
  'scheduler'
  'storage'
])
param engine string = 'scheduler'

@description('Storage redundancy: ZRS survives the loss of one data centre.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
])
param storageSku string = 'Standard_ZRS'

@description('Most instances of the app at one time. The platform takes no number below 40.')
@minValue(40)
@maxValue(200)
param instanceCountMax int = 40

@description('Instances kept warm for the stories. Each one is paid all the time.')
@minValue(0)
@maxValue(5)
param alwaysReadyCount int = 0

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Most gigabytes of logs a day, so that a loop of errors costs no fortune.')
@minValue(1)
@maxValue(50)
param logDailyMaxGb int = 2

@description('The app reads the alias map\'s password from the settings vault (driver mysql).')
param hasAliasMapPassword bool = true

@description('The app reads the password of a Dovecot master user from the settings vault.')
param hasSourceMasterPassword bool = false

@description('Where your people read the documentation (the folder docs), an https address: the codes on the dashboard become links. Empty: they do not.')
@maxLength(300)
param docsUrl string = ''

var token = uniqueString(subscription().id, environmentName, location)
var tags = {
  app: 'bascule'
  'azd-env-name': environmentName
}
var isPrivate = network == 'private'
var hasScheduler = engine == 'scheduler'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-bascule-${environmentName}'
  location: location
  tags: tags
}

// Who the app is, before anything that it must be let into.
module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-bascule-${environmentName}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    operatorEmail: operatorEmail
    retentionDays: logRetentionDays
    dailyMaxGb: logDailyMaxGb
  }
}

// Uploads, archive, reports, ledger, sealed passwords, and the host's own books.
module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stbascule${token}'
    location: location
    tags: tags
    sku: storageSku
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
  }
}

// One vault for the wrapping key, one for the passwords among the app's settings.
module vaults 'modules/vaults.bicep' = {
  name: 'vaults'
  scope: group
  params: {
    keyVaultName: 'kvk-${token}'
    settingsVaultName: 'kvs-${token}'
    location: location
    tags: tags
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
  }
}

// What runs the stories.
module scheduler 'modules/scheduler.bicep' = if (hasScheduler) {
  name: 'scheduler'
  scope: group
  params: {
    name: 'dts-bascule-${environmentName}'
    location: location
    tags: tags
    isPrivate: isPrivate
  }
}

// The way out: a fixed address for the firewalls of the mail servers.
module outbound 'modules/network.bicep' = if (network != 'none') {
  name: 'network'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    addressPrefixes: addressPrefixes
    sourceNetworkId: sourceNetworkId
    dnsServers: dnsServers
  }
}

// The ways in from the app, once the Internet is closed.
module endpoints 'modules/endpoints.bicep' = if (isPrivate) {
  name: 'endpoints'
  scope: group
  params: {
    location: location
    tags: tags
    networkId: outbound.?outputs.networkId ?? ''
    subnetId: outbound.?outputs.endpointSubnetId ?? ''
    storageId: storage.outputs.id
    keyVaultId: vaults.outputs.keyVaultId
    schedulerId: scheduler.?outputs.id ?? ''
  }
}

module events 'modules/events.bicep' = {
  name: 'events'
  scope: group
  params: {
    name: 'evgt-bascule-${environmentName}'
    location: location
    tags: tags
    storageName: storage.outputs.name
  }
}

module rbac 'modules/rbac.bicep' = {
  name: 'rbac'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    topicPrincipalId: events.outputs.principalId
    operatorGroupId: operatorGroupId
    storageName: storage.outputs.name
    keyVaultName: vaults.outputs.keyVaultName
    keyName: vaults.outputs.keyName
    settingsVaultName: vaults.outputs.settingsVaultName
    componentName: monitoring.outputs.componentName
    schedulerName: scheduler.?outputs.name ?? ''
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'bascule-${environmentName}-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    packageContainerName: storage.outputs.packageContainerName
    componentName: monitoring.outputs.componentName
    keyUri: vaults.outputs.keyUri
    settingsVaultUri: vaults.outputs.settingsVaultUri
    schedulerEndpoint: scheduler.?outputs.endpoint ?? ''
    hubName: scheduler.?outputs.hubName ?? 'bascule'
    subnetId: outbound.?outputs.appSubnetId ?? ''
    operatorAddressRanges: operatorAddressRanges
    instanceCountMax: instanceCountMax
    alwaysReadyCount: alwaysReadyCount
    hasAliasMapPassword: hasAliasMapPassword
    hasSourceMasterPassword: hasSourceMasterPassword
    docsUrl: docsUrl
    hasSignIn: apiClientId != 'none'
  }
  // The platform opens the package and the host opens its books with these roles at the first start.
  dependsOn: [
    rbac
  ]
}

module signIn 'modules/sign_in.bicep' = if (apiClientId != 'none') {
  name: 'sign-in'
  scope: group
  params: {
    appName: app.outputs.name
    apiClientId: apiClientId
    allowedClientIds: allowedClientIds
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    componentId: monitoring.outputs.componentId
    actionGroupId: monitoring.outputs.actionGroupId
    topicId: events.outputs.id
  }
}

@description('Where everything is; removing this group removes everything but the grants.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output BASCULE_APP_NAME string = app.outputs.name

@description('Address of the API.')
output BASCULE_APP_URL string = 'https://${app.outputs.hostName}/api'

@description('Object id of the app\'s identity: infra/grants gives it its rights in Microsoft 365.')
output BASCULE_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('Application id of the app\'s identity.')
output BASCULE_IDENTITY_CLIENT_ID string = identity.outputs.clientId

@description('Vault that takes the passwords among the settings.')
output BASCULE_SETTINGS_VAULT string = vaults.outputs.settingsVaultName

@description('Topic of the uploads; the subscription is made after the code is there.')
output BASCULE_TOPIC_NAME string = events.outputs.name

@description('Storage account of uploads and reports.')
output BASCULE_STORAGE_NAME string = storage.outputs.name

@description('The address from which the app reaches the mail servers; empty without a network of its own.')
output BASCULE_OUTBOUND_ADDRESS string = outbound.?outputs.outboundAddress ?? ''
