using './main.bicep'

// The one that moves mailboxes: closed to the Internet, two data centres, a warm instance.
param environmentName = 'prod'
param location = readEnvironmentVariable('AZURE_LOCATION')
param operatorEmail = readEnvironmentVariable('BASCULE_OPERATOR_EMAIL')
param operatorAddressRanges = json(readEnvironmentVariable('BASCULE_OPERATOR_ADDRESS_RANGES', '[]'))
param operatorGroupId = readEnvironmentVariable('BASCULE_OPERATOR_GROUP_ID', '')
// No default: with keys alone, whoever holds one may do everything, and nobody can say who it was.
param apiClientId = readEnvironmentVariable('BASCULE_API_CLIENT_ID')
param docsUrl = readEnvironmentVariable('BASCULE_DOCS_URL', '')
param network = 'private'
param sourceNetworkId = readEnvironmentVariable('BASCULE_SOURCE_NETWORK_ID', '')
param dnsServers = json(readEnvironmentVariable('BASCULE_DNS_SERVERS', '[]'))
param engine = 'scheduler'
param storageSku = 'Standard_ZRS'
param alwaysReadyCount = 1
param hasAliasMapPassword = true
param hasSourceMasterPassword = bool(readEnvironmentVariable('BASCULE_HAS_SOURCE_MASTER_PASSWORD', 'false'))
