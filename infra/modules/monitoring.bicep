// Where logs go, who may write them (identities only), who is told, and the page on which an operator looks first.

@description('Name of this installation.')
@minLength(3)
@maxLength(10)
param environmentName string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Where alerts are sent.')
param operatorEmail string

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Most gigabytes of logs a day.')
@minValue(1)
@maxValue(50)
param dailyMaxGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: 'log-bascule-${environmentName}'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyMaxGb
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-bascule-${environmentName}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    // A connection string alone writes nothing: the app proves who it is.
    DisableLocalAuth: true
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-bascule-${environmentName}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'bascule'
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: operatorEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'bascule-operations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Bascule ${environmentName}'
    category: 'workbook'
    sourceId: component.id
    serializedData: loadTextContent('workbook.json')
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspace.id

@description('Resource id of the component.')
output componentId string = component.id

@description('Name of the component.')
output componentName string = component.name

@description('Resource id of the action group.')
output actionGroupId string = actionGroup.id
