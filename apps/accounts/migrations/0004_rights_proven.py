from importlib import import_module

from django.db import migrations

# Whether what a process remembers of a token still holds, asked inside the statement that relies on it:
# apps/accounts/selectors/remembered.py says how it is used. What was found bears a digest of all that gives rights and
# of the person's row; another digest ends the statement, and with it whatever the statement wrote. What people can
# write as they like, their names, comes last, so that no name reads as a right.
_RIGHTS = """
       md5(concat(t.id, '|',
           (SELECT string_agg(concat(g.role, ':', g.team_id), ',' ORDER BY g.id)
              FROM accounts_grant g LEFT JOIN accounts_team m ON m.id = g.team_id
             WHERE g.user_id = u.id AND (g.until IS NULL OR g.until > at)
               AND (g.team_id IS NULL OR m.archived_at IS NULL)),
           '|', t.scopes, '|', u))
"""
_VALID = """
    FROM accounts_apitoken t JOIN accounts_user u ON u.id = t.user_id
   WHERE t.secret_sha256 = digest AND t.revoked_at IS NULL AND t.expires_at > at AND u.is_active
"""
_before = import_module("apps.accounts.migrations.0003_found_at_once")
_TOKEN_FIND = f"""
DROP FUNCTION accounts_token_find;
CREATE FUNCTION accounts_token_find(
  digest text, at timestamptz,
  OUT token uuid, OUT scopes jsonb, OUT last_used timestamptz, OUT roles jsonb, OUT person accounts_user,
  OUT rights text
) RETURNS SETOF record LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY SELECT t.id, t.scopes, t.last_used_at, {_before._ROLES}, u, {_RIGHTS} {_VALID};
END $$
"""
_TOKEN_PROVE = f"""
CREATE FUNCTION accounts_token_prove(digest text, at timestamptz, known text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  rights text;
BEGIN
  SELECT {_RIGHTS} INTO rights {_VALID};
  IF rights IS DISTINCT FROM known THEN
    RAISE EXCEPTION 'the rights of a token changed' USING ERRCODE = 'FW401';
  END IF;
  RETURN true;
END $$
"""  # noqa: S608 - fixed text


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_found_at_once")]

    operations = [
        migrations.RunSQL(_TOKEN_FIND, f"DROP FUNCTION accounts_token_find; {_before._TOKEN_FIND}"),
        migrations.RunSQL(_TOKEN_PROVE, "DROP FUNCTION accounts_token_prove"),
    ]
