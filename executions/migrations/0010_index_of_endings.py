from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('executions', '0009_approval_unannounced'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='execution',
            index=models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='execution_ended'),
        ),
    ]
