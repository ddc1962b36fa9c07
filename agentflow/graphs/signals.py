"""What other apps may react to."""

from django.dispatch import Signal

#: Sent inside the transaction that deletes a graph (`graph=`), so that other apps delete what points to it.
graph_deleting = Signal()

#: Sent inside the transaction that pauses a trigger because it cannot start its graph: `graph=` (None: it was deleted),
#: `owner=` (None: the person is gone), `kind=` ("schedule"), `trigger=` (its id), `name=`, `reason=` (a sentence).
trigger_paused = Signal()
