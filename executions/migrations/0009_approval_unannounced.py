from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('executions', '0008_followers'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='approval',
            index=models.Index(condition=models.Q(('announced_at', None), ('closed_at', None), ('decided_at', None)), fields=['id'], name='approval_unannounced'),
        ),
    ]
