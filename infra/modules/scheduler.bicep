// The Durable Task Scheduler: it keeps the stories, and shows them on a dashboard. Paid by action, nothing at rest.

@description('Name of the scheduler.')
@minLength(3)
@maxLength(64)
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Closed to the Internet; reached through a private endpoint only.')
param isPrivate bool

@description('Days for which stories that ended well are kept.')
@minValue(1)
@maxValue(30)
param completedDays int = 7

@description('Days for which failed stories are kept, for whoever looks into them. The Consumption kind keeps 30 at most.')
@minValue(1)
@maxValue(30)
param failedDays int = 30

// An empty list would keep everybody out while the public door is open.
var everywhere = [
  '0.0.0.0/0'
]

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'Consumption'
    }
    ipAllowlist: isPrivate ? [] : everywhere
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' = {
  parent: scheduler
  name: 'bascule'
}

resource retention 'Microsoft.DurableTask/schedulers/retentionPolicies@2026-02-01' = {
  parent: scheduler
  name: 'default'
  properties: {
    retentionPolicies: [
      {
        orchestrationState: 'Completed'
        retentionPeriodInDays: completedDays
      }
      {
        orchestrationState: 'Failed'
        retentionPeriodInDays: failedDays
      }
    ]
  }
}

@description('Resource id of the scheduler.')
output id string = scheduler.id

@description('Name of the scheduler.')
output name string = scheduler.name

@description('Address of the scheduler.')
output endpoint string = scheduler.properties.endpoint

@description('Name of the hub.')
output hubName string = hub.name
