"""Whether this process lives, and whether the site can do its work."""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from invoices import queries

STUCK = timedelta(minutes=5)


def live(request: HttpRequest) -> HttpResponse:
    """Answer that the process serves requests."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the database is away or the oldest due work waits too long."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        oldest = queries.oldest_due()
    except DatabaseError:
        return JsonResponse({"database": "unreachable"}, status=503)
    late = oldest is not None and timezone.now() - oldest > STUCK
    answer = {"database": "ok", "oldest_due": oldest, "workers": "stuck" if late else "ok"}
    return JsonResponse(answer, status=503 if late else 200)
