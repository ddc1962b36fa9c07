"""The WSGI application: pages and API without sockets; runs go on being readable by polling."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentflow.settings")
application = get_wsgi_application()

from executions import metrics

metrics.register()
