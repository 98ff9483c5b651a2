"""Keep category names unique in a group, and let a group hold a name that its creator uses elsewhere.

`uk_cognito_sub_name` still keeps the names that a person chose unique among all their categories (D-1:
the answer is 409). A category that somebody got without naming it, a group's `Uncategorized` or one
handed over when its creator's account went, carries the group's id in `name_scope` and stands beside them.
One statement: it takes effect whole or not at all.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # MySQL commits after each statement: a migration cut short is started again.
    columns = sa.inspect(op.get_bind()).get_columns("categories")
    if any(column["name"] == "name_scope" for column in columns):
        return
    op.execute(
        "ALTER TABLE categories"
        " ADD COLUMN name_scope BIGINT NOT NULL DEFAULT 0,"
        " DROP INDEX uk_cognito_sub_name,"
        " ADD UNIQUE INDEX uk_cognito_sub_name (cognito_sub, name, name_scope),"
        " ADD UNIQUE INDEX uk_group_id_name (group_id, name)"
    )


def downgrade() -> None:
    op.execute(
        "ALTER TABLE categories"
        " DROP INDEX uk_group_id_name,"
        " DROP INDEX uk_cognito_sub_name,"
        " ADD UNIQUE INDEX uk_cognito_sub_name (cognito_sub, name),"
        " DROP COLUMN name_scope"
    )
