from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('executions', '0012_index_of_turns'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='execution',
            index=models.Index(condition=models.Q(('status', 'running')), fields=['owner'], name='execution_running_of_owner'),
        ),
    ]
