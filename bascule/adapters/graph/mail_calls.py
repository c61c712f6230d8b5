"""The requests of mailboxes, in the SDK's words. Imports the SDK: load it late."""

import json

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphServiceClient
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.users.item.mail_folders.item.child_folders.child_folders_request_builder import (
    ChildFoldersRequestBuilder,
)
from msgraph.generated.users.item.mail_folders.item.messages.messages_request_builder import (
    MessagesRequestBuilder as FolderMessagesRequestBuilder,
)
from msgraph.generated.users.item.mail_folders.mail_folders_request_builder import (
    MailFoldersRequestBuilder,
)
from msgraph.generated.users.item.messages.item.message_item_request_builder import (
    MessageItemRequestBuilder,
)
from msgraph.generated.users.item.messages.messages_request_builder import MessagesRequestBuilder
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import (
    SendMailPostRequestBody,
)

from bascule.adapters.graph.answers import Json, asking, json_answer

# "Use query parameters": messages come at most a thousand a page.
MESSAGE_PAGE_SIZE = 1_000
FOLDER_PAGE_SIZE = 100
FOLDER_PROPERTIES = [
    "id",
    "displayName",
    "parentFolderId",
    "childFolderCount",
    "totalItemCount",
    "isHidden",
]


async def root_folders(graph: GraphServiceClient, account_id: str, link: str) -> Json:
    """GET /users/{id}/mailFolders: those at the top, hidden ones left out by the service."""
    builder = graph.users.by_user_id(account_id).mail_folders
    if link:
        return await json_answer(graph, builder.with_url(link).to_get_request_information())
    query = MailFoldersRequestBuilder.MailFoldersRequestBuilderGetQueryParameters(
        select=FOLDER_PROPERTIES, top=FOLDER_PAGE_SIZE
    )
    return await json_answer(graph, builder.to_get_request_information(asking(query)))


async def child_folders(
    graph: GraphServiceClient, account_id: str, folder_id: str, link: str
) -> Json:
    """GET /users/{id}/mailFolders/{id}/childFolders."""
    folder = graph.users.by_user_id(account_id).mail_folders.by_mail_folder_id(folder_id)
    builder = folder.child_folders
    if link:
        return await json_answer(graph, builder.with_url(link).to_get_request_information())
    query = ChildFoldersRequestBuilder.ChildFoldersRequestBuilderGetQueryParameters(
        select=FOLDER_PROPERTIES, top=FOLDER_PAGE_SIZE
    )
    return await json_answer(graph, builder.to_get_request_information(asking(query)))


async def well_known(graph: GraphServiceClient, account_id: str, names: list[str]) -> Json:
    """One $batch that asks for the id of each well-known folder; `responses` by name, in any order.

    Written by hand, because the SDK's own batch helper loses ids and bodies.
    """
    requests = [
        {"id": name, "method": "GET", "url": f"/users/{account_id}/mailFolders/{name}?$select=id"}
        for name in names
    ]
    ask = RequestInformation()
    ask.http_method = Method.POST
    ask.url_template = "{+baseurl}/$batch"
    ask.path_parameters = {"baseurl": graph.request_adapter.base_url}
    ask.headers.try_add("Accept", "application/json")
    ask.set_stream_content(json.dumps({"requests": requests}).encode(), "application/json")
    return await json_answer(graph, ask)


async def folder_messages(
    graph: GraphServiceClient, account_id: str, folder_id: str, link: str
) -> Json:
    """GET /users/{id}/mailFolders/{id}/messages: a page of what identifies messages, nothing else."""
    builder = graph.users.by_user_id(account_id).mail_folders.by_mail_folder_id(folder_id).messages
    if link:
        return await json_answer(graph, builder.with_url(link).to_get_request_information())
    query = FolderMessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(
        select=["id", "internetMessageId", "receivedDateTime"], top=MESSAGE_PAGE_SIZE
    )
    return await json_answer(graph, builder.to_get_request_information(asking(query)))


async def messages_with_subject(
    graph: GraphServiceClient, account_id: str, subject: str, link: str
) -> Json:
    """GET /users/{id}/messages with a filter; a quote inside a string is doubled (OData 4.01 part 2, 5.1.1.6.1)."""
    builder = graph.users.by_user_id(account_id).messages
    if link:
        return await json_answer(graph, builder.with_url(link).to_get_request_information())
    quoted = subject.replace("'", "''")
    query = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(
        filter=f"subject eq '{quoted}'", select=["id"], top=MESSAGE_PAGE_SIZE
    )
    return await json_answer(graph, builder.to_get_request_information(asking(query)))


async def message_marks(graph: GraphServiceClient, account_id: str, message_id: str) -> Json:
    """GET /users/{id}/messages/{id}: its flags and its time of delivery."""
    query = MessageItemRequestBuilder.MessageItemRequestBuilderGetQueryParameters(
        select=["isRead", "isDraft", "flag", "receivedDateTime"]
    )
    builder = graph.users.by_user_id(account_id).messages.by_message_id(message_id)
    return await json_answer(graph, builder.to_get_request_information(asking(query)))


async def message_content(graph: GraphServiceClient, account_id: str, message_id: str) -> bytes:
    """GET /users/{id}/messages/{id}/$value: the message as MIME; empty when the answer is."""
    builder = graph.users.by_user_id(account_id).messages.by_message_id(message_id)
    return await builder.content.get() or b""


async def permanent_delete(graph: GraphServiceClient, account_id: str, message_id: str) -> None:
    """POST /users/{id}/messages/{id}/permanentDelete."""
    builder = graph.users.by_user_id(account_id).messages.by_message_id(message_id)
    await builder.permanent_delete.post()


async def send_mail(
    graph: GraphServiceClient, sender: str, recipient: str, subject: str, text: str
) -> None:
    """POST /users/{address}/sendMail, nothing kept in the sent items."""
    message = Message(
        subject=subject,
        body=ItemBody(content_type=BodyType.Text, content=text),
        to_recipients=[Recipient(email_address=EmailAddress(address=recipient))],
    )
    body = SendMailPostRequestBody(message=message, save_to_sent_items=False)
    await graph.users.by_user_id(sender).send_mail.post(body)
