// What wakes somebody: an alert of the app's own, a story that failed, an upload that nobody could take in, a watchdog that
// barks, or that is silent.

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Workspace of the logs.')
param workspaceId string

@description('Application Insights component.')
param componentId string

@description('Who is told.')
param actionGroupId string

@description('Topic of the uploads.')
param topicId string

// Each counts the rows that its query returns.
var rules = [
  {
    name: 'bascule-alerts'
    text: 'Bascule has alerted: a batch held up or refused, a late sync, a tenant that was changed, and the like. In full it is in the report mailbox of the plan.'
    scope: componentId
    window: 'PT15M'
    query: 'traces | where message has "alert of Bascule"'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'bascule-story-failed'
    text: 'A story of Bascule failed. Stories set mailboxes aside rather than fail: this is a fault of the app.'
    scope: componentId
    window: 'PT15M'
    query: 'traces | where customDimensions.prop__state == "Failed" and customDimensions.prop__functionType == "Orchestrator"'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'bascule-upload-poisoned'
    text: 'An uploaded file failed five times and lies in the queue webjobs-blobtrigger-poison.'
    scope: workspaceId
    window: 'PT15M'
    query: 'StorageQueueLogs | where OperationName == "PutMessage" and Uri has "webjobs-blobtrigger-poison"'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'bascule-watchdog-barks'
    text: 'The watchdog found stories that had stopped, and woke them. If it repeats, look at the host.'
    scope: componentId
    window: 'PT1H'
    query: 'traces | where message has "stories have not looked at their rows"'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'bascule-watchdog-silent'
    text: 'The watchdog, which runs every quarter of an hour, has not run well for an hour: the app does not run.'
    scope: componentId
    window: 'PT1H'
    query: 'requests | where name == "watch_stories" and success == true'
    operator: 'LessThan'
    threshold: 1
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: rule.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: rule.name
    description: rule.text
    severity: 1
    enabled: true
    scopes: [
      rule.scope
    ]
    evaluationFrequency: 'PT15M'
    windowSize: rule.window
    autoMitigate: true
    // A table appears with its first row; until then the query would be refused.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        actionGroupId
      ]
    }
  }
}]

resource undelivered 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'bascule-upload-undelivered'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid could not tell the app of an upload. The file may hold passwords and is deleted after a day.'
    severity: 1
    enabled: true
    autoMitigate: true
    scopes: [
      topicId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'dead-lettered'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'DeadLetteredCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
