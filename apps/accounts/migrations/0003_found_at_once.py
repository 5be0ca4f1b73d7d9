from django.db import migrations

# Asked on every request, so the server keeps their plans, whatever pooler stands between: apps/accounts/selectors/
# actors.py says how they are used. The person is the whole row, whatever columns it has.
_ROLES = """
       (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'user_id', g.user_id, 'team_id', g.team_id, 'role', g.role,
                                            'until', g.until, 'granted_by_label', g.granted_by_label,
                                            'created_at', g.created_at) ORDER BY g.id)
          FROM accounts_grant g LEFT JOIN accounts_team m ON m.id = g.team_id
         WHERE g.user_id = u.id AND (g.until IS NULL OR g.until > at)
           AND (g.team_id IS NULL OR m.archived_at IS NULL))
"""
_PERSON_FIND = f"""
CREATE FUNCTION accounts_person_find(wanted uuid, at timestamptz, OUT roles jsonb, OUT person accounts_user)
RETURNS SETOF record LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY SELECT {_ROLES}, u FROM accounts_user u WHERE u.id = wanted;
END $$
"""  # noqa: S608 - fixed text
_TOKEN_FIND = f"""
CREATE FUNCTION accounts_token_find(
  digest text, at timestamptz,
  OUT token uuid, OUT scopes jsonb, OUT last_used timestamptz, OUT roles jsonb, OUT person accounts_user
) RETURNS SETOF record LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  SELECT t.id, t.scopes, t.last_used_at, {_ROLES}, u
    FROM accounts_apitoken t JOIN accounts_user u ON u.id = t.user_id
   WHERE t.secret_sha256 = digest AND t.revoked_at IS NULL AND t.expires_at > at AND u.is_active;
END $$
"""  # noqa: S608 - fixed text


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_invitation_mail")]

    operations = [
        migrations.RunSQL(_PERSON_FIND, "DROP FUNCTION accounts_person_find"),
        migrations.RunSQL(_TOKEN_FIND, "DROP FUNCTION accounts_token_find"),
    ]
