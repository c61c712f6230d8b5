using './main.bicep'

// For trying out against a test tenant: no network, so nothing to pay at rest; still no key anywhere.
param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION')
param operatorEmail = readEnvironmentVariable('BASCULE_OPERATOR_EMAIL')
param operatorAddressRanges = json(readEnvironmentVariable('BASCULE_OPERATOR_ADDRESS_RANGES', '[]'))
param operatorGroupId = readEnvironmentVariable('BASCULE_OPERATOR_GROUP_ID', '')
param apiClientId = readEnvironmentVariable('BASCULE_API_CLIENT_ID', 'none')
param network = 'none'
param engine = 'scheduler'
param storageSku = 'Standard_LRS'
param alwaysReadyCount = 0
param logRetentionDays = 30
param logDailyMaxGb = 1
param hasAliasMapPassword = true
param hasSourceMasterPassword = false
