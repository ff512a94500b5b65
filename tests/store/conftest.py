"""The behaviour suite is a module of its own; pytest must rewrite its asserts to explain them."""

import pytest

pytest.register_assert_rewrite("tests.store.behaviour")
