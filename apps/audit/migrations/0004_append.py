from django.db import migrations

# The entry of a change that is one call of a database function, in that call: `apps/audit/services.py` (`audit_who`).
_APPEND = """
CREATE FUNCTION audit_append(
  entry uuid, happened timestamptz, who jsonb, did text, kind text, thing text, label text, team uuid, problem uuid,
  old jsonb, new jsonb
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_auditevent
    (id, at, actor_kind, actor_id, actor_label, on_behalf_of, action, object_type, object_id, object_label, team_id,
     problem_id, reason, before, after, request_id)
  VALUES
    (entry, happened, who ->> 'kind', (who ->> 'id')::uuid, who ->> 'label', who ->> 'for', did, kind, thing,
     left(label, 300), team, problem, '', old, new, who ->> 'request');
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_more_indexes")]

    operations = [migrations.RunSQL(_APPEND, "DROP FUNCTION audit_append")]
