from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('executions', '0013_index_of_running_owners'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='execution',
            index=models.Index(condition=models.Q(('status', 'running')), fields=['graph'], name='execution_running_of_graph'),
        ),
    ]
