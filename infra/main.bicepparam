using './main.bicep'

// azd's own: every value comes from the azd environment; the defaults are those of prod.bicepparam.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param operatorEmail = readEnvironmentVariable('BASCULE_OPERATOR_EMAIL')
param operatorAddressRanges = json(readEnvironmentVariable('BASCULE_OPERATOR_ADDRESS_RANGES', '[]'))
param operatorGroupId = readEnvironmentVariable('BASCULE_OPERATOR_GROUP_ID', '')
// No default, as there; `none` for trying out has to be said.
param apiClientId = readEnvironmentVariable('BASCULE_API_CLIENT_ID')
param docsUrl = readEnvironmentVariable('BASCULE_DOCS_URL', '')
param network = readEnvironmentVariable('BASCULE_NETWORK', 'private')
param sourceNetworkId = readEnvironmentVariable('BASCULE_SOURCE_NETWORK_ID', '')
param dnsServers = json(readEnvironmentVariable('BASCULE_DNS_SERVERS', '[]'))
param engine = readEnvironmentVariable('BASCULE_ENGINE', 'scheduler')
param storageSku = readEnvironmentVariable('BASCULE_STORAGE_SKU', 'Standard_ZRS')
param alwaysReadyCount = int(readEnvironmentVariable('BASCULE_ALWAYS_READY_COUNT', '1'))
param hasAliasMapPassword = bool(readEnvironmentVariable('BASCULE_HAS_ALIAS_MAP_PASSWORD', 'true'))
param hasSourceMasterPassword = bool(readEnvironmentVariable('BASCULE_HAS_SOURCE_MASTER_PASSWORD', 'false'))
