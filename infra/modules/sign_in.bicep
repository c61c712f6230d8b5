// Who calls the API is known by Entra ID: programs bring a token, browsers are sent to sign in. Only the door of Event Grid keeps its key instead: it brings no token that
// this app could be made to want.

@description('Name of the function app.')
param appName string

@description('Application id of the API, made by infra/grants.')
@minLength(36)
@maxLength(36)
param apiClientId string

@description('Application ids of the clients that may ask in a person\'s name.')
param allowedClientIds array

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource signIn 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: [
        '/runtime/webhooks/blobs'
      ]
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: apiClientId
          // No secret: the setting of this name holds the application id of the identity that vouches for the app.
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            apiClientId
            'api://${apiClientId}'
          ]
          defaultAuthorizationPolicy: {
            // The registration itself stands for the browsers that it signed in.
            allowedApplications: union([apiClientId], allowedClientIds)
          }
        }
      }
    }
    login: {
      // Nobody's token is kept: the app asks who it is, and calls nothing in their name.
      tokenStore: {
        enabled: false
      }
      // A working day; a browser that is left open overnight has to sign in again.
      cookieExpiration: {
        convention: 'FixedTime'
        timeToExpiration: '08:00:00'
      }
    }
    httpSettings: {
      requireHttps: true
    }
  }
}
