from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('executions', '0011_turns'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='execution',
            index=models.Index(condition=models.Q(('status', 'queued')), fields=['owner', 'graph', 'id'], name='execution_lane'),
        ),
    ]
