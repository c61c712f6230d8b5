# After a deployment of the code: let uploads wake the app. Repeating it changes nothing.
$ErrorActionPreference = 'Stop'

# The host makes the key of its web hook when the code first starts, which takes a little while.
$attemptCountMax = 5
$waitS = 30

# azd and az each remember a subscription of their own; azd's is the one that was deployed to.
for ($attempt = 1; $attempt -le $attemptCountMax; $attempt++) {
    az deployment group create `
        --name upload-subscription `
        --subscription $env:AZURE_SUBSCRIPTION_ID `
        --resource-group $env:AZURE_RESOURCE_GROUP `
        --template-file infra/modules/upload_subscription.bicep `
        --parameters appName=$env:BASCULE_APP_NAME topicName=$env:BASCULE_TOPIC_NAME storageName=$env:BASCULE_STORAGE_NAME `
        --output none
    if ($LASTEXITCODE -eq 0) { exit 0 }
    if ($attempt -lt $attemptCountMax) { Start-Sleep -Seconds $waitS }
}
Write-Error "Uploads do not wake the app yet. See docs/how-to/deploy.md, 'When something is refused'."
exit 1
