"""Tasks, versions, keys and counts on PostgreSQL: what their own tests say of them on SQLite, said again."""

import pytest

from test.jobs.test_access_keys import *  # noqa: F403
from test.jobs.test_forgetting import *  # noqa: F403
from test.jobs.test_tasks import *  # noqa: F403
from test.jobs.test_work_counts import *  # noqa: F403

pytestmark = pytest.mark.thorough
