#!/bin/sh
# After a deployment of the code: let uploads wake the app. Repeating it changes nothing.
set -eu

# The host makes the key of its web hook when the code first starts, which takes a little while.
attempt_count_max=5
wait_s=30

attempt=1
# azd and az each remember a subscription of their own; azd's is the one that was deployed to.
until az deployment group create \
    --name upload-subscription \
    --subscription "$AZURE_SUBSCRIPTION_ID" \
    --resource-group "$AZURE_RESOURCE_GROUP" \
    --template-file infra/modules/upload_subscription.bicep \
    --parameters appName="$BASCULE_APP_NAME" topicName="$BASCULE_TOPIC_NAME" storageName="$BASCULE_STORAGE_NAME" \
    --output none
do
    if [ "$attempt" -ge "$attempt_count_max" ]; then
        echo "Uploads do not wake the app yet. See docs/how-to/deploy.md, 'When something is refused'." >&2
        exit 1
    fi
    attempt=$((attempt + 1))
    sleep "$wait_s"
done
