"""The requests of mailboxes, in the SDK's words. Imports the SDK: load it late."""

from msgraph import GraphServiceClient
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.users.item.messages.item.message_item_request_builder import (
    MessageItemRequestBuilder,
)
from msgraph.generated.users.item.messages.messages_request_builder import MessagesRequestBuilder
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import (
    SendMailPostRequestBody,
)

from bascule.adapters.graph.answers import Json, asking, json_answer
from bascule.adapters.graph.mail_urls import MESSAGE_PAGE_SIZE


async def next_page(graph: GraphServiceClient, link: str) -> Json:
    """GET the page that a list's answer named."""
    return await json_answer(graph, graph.users.with_url(link).to_get_request_information())


async def page_at(graph: GraphServiceClient, url: str) -> Json:
    """GET a page by its URL after Graph's version."""
    return await next_page(graph, f"{graph.request_adapter.base_url}{url}")


async def messages_with_subject(graph: GraphServiceClient, account_id: str, subject: str) -> Json:
    """GET /users/{id}/messages with a filter; a quote inside a string is doubled (OData 4.01 part 2, 5.1.1.6.1)."""
    builder = graph.users.by_user_id(account_id).messages
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
