"""What other apps may react to."""

from django.dispatch import Signal

#: Sent inside the transaction that deletes a graph (`graph=`), so that other apps delete what points to it.
graph_deleting = Signal()
