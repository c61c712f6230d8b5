// One private endpoint and one private zone for each door of storage, vault and scheduler.

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Network in which the names are resolved.')
param networkId string

@description('Subnet of the endpoints.')
param subnetId string

@description('Storage account.')
param storageId string

@description('Vault of the wrapping key.')
param keyVaultId string

@description('Durable Task Scheduler; empty: none.')
param schedulerId string

var schedulerDoors = empty(schedulerId) ? [] : [
  {
    name: 'scheduler'
    target: schedulerId
    zone: 'privatelink.durabletask.io'
  }
]
var doors = concat(schedulerDoors, [
  {
    name: 'blob'
    target: storageId
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  {
    name: 'queue'
    target: storageId
    zone: 'privatelink.queue.${environment().suffixes.storage}'
  }
  {
    name: 'table'
    target: storageId
    zone: 'privatelink.table.${environment().suffixes.storage}'
  }
  {
    name: 'vault'
    target: keyVaultId
    zone: 'privatelink.vaultcore.azure.net'
  }
])

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for door in doors: {
  name: door.zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (door, i) in doors: {
  parent: zones[i]
  name: 'bascule'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [for door in doors: {
  name: 'pe-bascule-${door.name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: door.name
        properties: {
          privateLinkServiceId: door.target
          groupIds: [
            door.name
          ]
        }
      }
    ]
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [for (door, i) in doors: {
  parent: endpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: door.name
        properties: {
          privateDnsZoneId: zones[i].id
        }
      }
    ]
  }
}]
