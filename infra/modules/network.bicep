// A subnet for the app behind one fixed outbound address, which the firewalls before Dovecot and the database let in,
// and a subnet for private endpoints.

@description('Name of this installation.')
@minLength(3)
@maxLength(10)
param environmentName string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Address ranges: network, app, endpoints.')
param addressPrefixes object

@description('Network in which the database of the alias map is reached; empty: none.')
param sourceNetworkId string

@description('Servers that the app asks for names; empty: Azure\'s own, which knows the private zones linked to the network.')
param dnsServers array

resource address 'Microsoft.Network/publicIPAddresses@2024-07-01' = {
  name: 'pip-bascule-${environmentName}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Regional'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}

resource gateway 'Microsoft.Network/natGateways@2024-07-01' = {
  name: 'ng-bascule-${environmentName}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    // A survey of a large mailbox may be silent for some minutes.
    idleTimeoutInMinutes: 10
    publicIpAddresses: [
      {
        id: address.id
      }
    ]
  }
}

// The default rules let in what belongs to the network and nothing from the Internet.
resource wall 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: 'nsg-bascule-${environmentName}'
  location: location
  tags: tags
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: 'vnet-bascule-${environmentName}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefixes.network
      ]
    }
    // Said when empty too, so that servers which are taken out again are gone.
    dhcpOptions: {
      dnsServers: dnsServers
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: addressPrefixes.app
          defaultOutboundAccess: false
          natGateway: {
            id: gateway.id
          }
          networkSecurityGroup: {
            id: wall.id
          }
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: addressPrefixes.endpoints
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Enabled'
          networkSecurityGroup: {
            id: wall.id
          }
        }
      }
    ]
  }
}

resource peering 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings@2024-07-01' = if (!empty(sourceNetworkId)) {
  parent: network
  name: 'to-the-mail-servers'
  properties: {
    allowForwardedTraffic: false
    allowGatewayTransit: false
    allowVirtualNetworkAccess: true
    remoteVirtualNetwork: {
      id: sourceNetworkId
    }
  }
}

@description('Resource id of the network.')
output networkId string = network.id

@description('Subnet of the app.')
output appSubnetId string = '${network.id}/subnets/app'

@description('Subnet of the private endpoints.')
output endpointSubnetId string = '${network.id}/subnets/endpoints'

@description('The address that the mail servers see.')
output outboundAddress string = address.properties.ipAddress
