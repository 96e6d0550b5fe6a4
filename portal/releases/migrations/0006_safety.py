"""The safety gate: its tables, and what PostgreSQL itself holds of it.

`revision_hindrance` says what `portal.releases.safety.judging` says, but for the signatures, which need the keys.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

FUNCTIONS = r"""
CREATE FUNCTION statement_digest(statement text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(statement, 'UTF8')), 'hex');
$$;

CREATE FUNCTION revision_commit(target bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT left(encode(sha256(coalesce(string_agg(
        convert_to(path, 'UTF8') || '\x00'::bytea || convert_to(size_bytes::text, 'UTF8') || '\x00'::bytea
            || convert_to(sha256, 'UTF8') || '\x0a'::bytea,
        ''::bytea ORDER BY convert_to(path, 'UTF8')), ''::bytea)), 'hex'), 40)
    FROM releases_weightfile WHERE revision_id = target;
$$;

-- Whether an evaluation is of a demanded suite and good enough.
CREATE FUNCTION evaluation_meets(evaluation releases_evaluation, demand jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(CASE WHEN (demand->>'is_at_most')::boolean
        THEN (evaluation.statement::jsonb->'metrics'->>(demand->>'metric'))::float8
            <= (demand->>'threshold')::float8
        ELSE (evaluation.statement::jsonb->'metrics'->>(demand->>'metric'))::float8
            >= (demand->>'threshold')::float8 END, false);
$$;

CREATE FUNCTION evaluation_is_of(evaluation releases_evaluation, demand jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT evaluation.kind <> 'report' AND evaluation.suite = demand->>'suite'
        AND demand->>'suite_sha256' IN ('', evaluation.suite_sha256);
$$;

-- Whether a sign-off counts for a role at a moment.
CREATE FUNCTION sign_off_counts(
    one releases_signoff, demanded jsonb, rev releases_revision, demands jsonb[], needs_report boolean,
    moment timestamptz
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    facts jsonb := one.statement::jsonb;
    demand jsonb;
BEGIN
    IF one.digest <> statement_digest(one.statement) OR length(one.signature) = 0
        OR facts->>'type' IS DISTINCT FROM 'release-sign-off/v1' OR facts->>'role' <> one.role
        OR facts->>'commit' <> rev.commit OR (facts->'signer'->>'id')::bigint <> one.signer_id
        OR one.signer_id IS NOT DISTINCT FROM (SELECT author_id FROM releases_release WHERE id = rev.release_id)
    THEN
        RETURN false;
    END IF;
    IF (facts->>'expires_at')::timestamptz <= moment
        OR (facts->>'signed_at')::timestamptz + make_interval(days => (demanded->>'days')::int) <= moment
    THEN
        RETURN false;
    END IF;
    IF EXISTS (
        SELECT 1 FROM releases_evaluation e
        WHERE e.revision_id = rev.id AND e.withdrawn_at > (facts->>'signed_at')::timestamptz
    ) THEN
        RETURN false;
    END IF;
    IF EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(facts->'evaluations') AS rests(digest)
        WHERE NOT EXISTS (
            SELECT 1 FROM releases_evaluation e
            WHERE e.revision_id = rev.id AND e.withdrawn_at IS NULL AND e.digest = rests.digest
        )
    ) THEN
        RETURN false;
    END IF;
    FOREACH demand IN ARRAY demands LOOP
        IF NOT EXISTS (
            SELECT 1 FROM releases_evaluation e
            WHERE e.revision_id = rev.id AND facts->'evaluations' ? e.digest
                AND evaluation_is_of(e, demand) AND evaluation_meets(e, demand)
        ) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN NOT needs_report OR EXISTS (
        SELECT 1 FROM releases_evaluation e
        WHERE e.revision_id = rev.id AND e.kind = 'report' AND facts->'evaluations' ? e.digest
    );
END;
$$;

-- The code of the first thing for which a revision (NULL: none is there) is not clear; NULL when it is.
CREATE FUNCTION revision_hindrance(target bigint, moment timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    policy releases_safetypolicy;
    terms jsonb;
    rev releases_revision;
    demands jsonb[];
    demand jsonb;
    demanded jsonb;
    newest releases_evaluation;
    needs_report boolean;
BEGIN
    SELECT * INTO policy FROM releases_safetypolicy ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN 'no_policy';
    END IF;
    terms := policy.statement::jsonb;
    IF policy.digest <> statement_digest(policy.statement) OR (terms->>'number')::int <> policy.number THEN
        RETURN 'policy_changed';
    END IF;
    SELECT * INTO rev FROM releases_revision WHERE id = target;
    demands := ARRAY(SELECT jsonb_array_elements(terms->'evaluations')) || ARRAY(
        SELECT jsonb_build_object('suite', suite, 'metric', metric, 'threshold', threshold,
            'is_at_most', false, 'suite_sha256', '')
        FROM releases_requirement
        WHERE release_id = rev.release_id AND lifted_at IS NULL AND made_at < rev.frozen_at
    );
    needs_report := (terms->>'needs_report')::boolean;
    IF cardinality(demands) = 0 AND NOT needs_report AND jsonb_array_length(terms->'sign_offs') = 0 THEN
        RETURN NULL;
    END IF;
    IF rev.id IS NULL THEN
        RETURN 'no_revision';
    END IF;
    IF revision_commit(rev.id) <> rev.commit THEN
        RETURN 'files_changed';
    END IF;
    IF EXISTS (
        SELECT 1 FROM releases_weightfile f JOIN releases_blob b USING (sha256)
        WHERE f.revision_id = rev.id AND b.damaged_at IS NOT NULL
    ) THEN
        RETURN 'files_damaged';
    END IF;
    IF EXISTS (
        SELECT 1 FROM releases_evaluation e
        WHERE e.revision_id = rev.id AND e.withdrawn_at IS NULL AND (
            e.digest <> statement_digest(e.statement) OR length(e.signature) = 0
            OR (e.statement::jsonb->>'type', e.statement::jsonb->>'commit', e.statement::jsonb->>'kind',
                e.statement::jsonb->>'suite', e.statement::jsonb->>'suite_sha256')
                IS DISTINCT FROM ('evaluation/v1', rev.commit, e.kind, e.suite, e.suite_sha256)
        )
    ) THEN
        RETURN 'evaluation_changed';
    END IF;
    FOREACH demand IN ARRAY demands LOOP
        SELECT * INTO newest FROM releases_evaluation e
        WHERE e.revision_id = rev.id AND e.withdrawn_at IS NULL AND evaluation_is_of(e, demand)
        ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1;
        IF NOT FOUND THEN
            RETURN 'evaluation_missing';
        ELSIF NOT evaluation_meets(newest, demand) THEN
            RETURN 'evaluation_failed';
        END IF;
    END LOOP;
    IF needs_report AND NOT EXISTS (
        SELECT 1 FROM releases_evaluation e
        WHERE e.revision_id = rev.id AND e.withdrawn_at IS NULL AND e.kind = 'report'
    ) THEN
        RETURN 'report_missing';
    END IF;
    FOR demanded IN SELECT jsonb_array_elements(terms->'sign_offs') LOOP
        IF NOT EXISTS (
            SELECT 1 FROM releases_signoff s
            WHERE s.revision_id = rev.id AND s.withdrawn_at IS NULL AND s.role = demanded->>'role'
                AND sign_off_counts(s, demanded, rev, demands, needs_report, moment)
        ) THEN
            RETURN 'sign_off';
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

CREATE FUNCTION release_hindrance(target bigint, moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT revision_hindrance((
        SELECT id FROM releases_revision WHERE release_id = target AND is_current
        ORDER BY name <> 'main', frozen_at DESC LIMIT 1
    ), moment);
$$;
"""

FORGET_FUNCTIONS = """
DROP FUNCTION release_hindrance(bigint, timestamptz);
DROP FUNCTION revision_hindrance(bigint, timestamptz);
DROP FUNCTION sign_off_counts(releases_signoff, jsonb, releases_revision, jsonb[], boolean, timestamptz);
DROP FUNCTION evaluation_is_of(releases_evaluation, jsonb);
DROP FUNCTION evaluation_meets(releases_evaluation, jsonb);
DROP FUNCTION revision_commit(bigint);
DROP FUNCTION statement_digest(text);
"""

GUARDS = """
CREATE FUNCTION release_opens_when_clear() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hindrance text := release_hindrance(NEW.id, now());
BEGIN
    IF hindrance IS NOT NULL THEN
        RAISE EXCEPTION 'The safety policy is not met: %.', hindrance USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER release_is_made_open_when_clear
    BEFORE INSERT ON releases_release
    FOR EACH ROW WHEN (NEW.status IN ('open', 'cleared')) EXECUTE FUNCTION release_opens_when_clear();
CREATE TRIGGER release_opens_when_clear
    BEFORE UPDATE OF status ON releases_release
    FOR EACH ROW WHEN (NEW.status IN ('open', 'cleared') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION release_opens_when_clear();

CREATE FUNCTION what_was_signed_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'What was signed is fixed.' USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER policy_is_fixed BEFORE UPDATE OR DELETE ON releases_safetypolicy
    FOR EACH ROW EXECUTE FUNCTION what_was_signed_is_fixed();
CREATE TRIGGER evaluation_is_kept BEFORE DELETE ON releases_evaluation
    FOR EACH ROW EXECUTE FUNCTION what_was_signed_is_fixed();
CREATE TRIGGER evaluation_is_fixed
    BEFORE UPDATE OF statement, digest, signature, key_id, revision_id, kind, suite, suite_sha256, recorded_at
    ON releases_evaluation
    FOR EACH ROW EXECUTE FUNCTION what_was_signed_is_fixed();
CREATE TRIGGER evaluation_stays_withdrawn BEFORE UPDATE OF withdrawn_at ON releases_evaluation
    FOR EACH ROW WHEN (OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION what_was_signed_is_fixed();
CREATE TRIGGER sign_off_is_kept BEFORE DELETE ON releases_signoff
    FOR EACH ROW EXECUTE FUNCTION what_was_signed_is_fixed();
CREATE TRIGGER sign_off_is_fixed
    BEFORE UPDATE OF statement, digest, signature, key_id, revision_id, role, signer_id, signed_at, expires_at
    ON releases_signoff
    FOR EACH ROW EXECUTE FUNCTION what_was_signed_is_fixed();
CREATE TRIGGER sign_off_stays_withdrawn BEFORE UPDATE OF withdrawn_at ON releases_signoff
    FOR EACH ROW WHEN (OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION what_was_signed_is_fixed();
"""

FORGET_GUARDS = """
DROP TRIGGER sign_off_stays_withdrawn ON releases_signoff;
DROP TRIGGER sign_off_is_fixed ON releases_signoff;
DROP TRIGGER sign_off_is_kept ON releases_signoff;
DROP TRIGGER evaluation_stays_withdrawn ON releases_evaluation;
DROP TRIGGER evaluation_is_fixed ON releases_evaluation;
DROP TRIGGER evaluation_is_kept ON releases_evaluation;
DROP TRIGGER policy_is_fixed ON releases_safetypolicy;
DROP FUNCTION what_was_signed_is_fixed();
DROP TRIGGER release_opens_when_clear ON releases_release;
DROP TRIGGER release_is_made_open_when_clear ON releases_release;
DROP FUNCTION release_opens_when_clear();
"""


class Migration(migrations.Migration):
    """Add the tables, the functions and the triggers. What was open without a policy is shut until one is in force."""

    dependencies = [
        ('licensing', '0002_published_text_is_fixed'),
        ('releases', '0005_served_revisions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('statement', models.TextField(help_text='Canonical JSON; these exact bytes are signed.')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('signature', models.CharField(help_text='Ed25519, base64.', max_length=100)),
                ('key_id', models.CharField(help_text="SHA-256 (hex) of the public key's DER form.", max_length=64)),
                ('kind', models.CharField(choices=[('run', 'Run here'), ('imported', 'Imported'), ('report', 'External report')], max_length=10)),
                ('suite', models.CharField(max_length=120)),
                ('suite_sha256', models.CharField(blank=True, max_length=64)),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('withdrawn_at', models.DateTimeField(editable=False, null=True)),
                ('withdrawal_reason', models.CharField(blank=True, editable=False, max_length=500)),
            ],
            options={
                'verbose_name': 'evaluation',
                'ordering': ['-recorded_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Requirement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('suite', models.CharField(max_length=120)),
                ('metric', models.CharField(max_length=60)),
                ('threshold', models.FloatField(help_text='At least so much.')),
                ('reason', models.CharField(max_length=300)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('lifted_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'requirement of a release',
                'ordering': ['made_at'],
            },
        ),
        migrations.CreateModel(
            name='SafetyPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('statement', models.TextField(help_text='Canonical JSON; these exact bytes are signed.')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('signature', models.CharField(help_text='Ed25519, base64.', max_length=100)),
                ('key_id', models.CharField(help_text="SHA-256 (hex) of the public key's DER form.", max_length=64)),
                ('number', models.PositiveIntegerField(unique=True)),
                ('put_in_force_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name': 'safety policy',
                'verbose_name_plural': 'safety policies',
                'ordering': ['-number'],
                'permissions': [('set_safety_policy', 'Can put a safety policy in force')],
            },
        ),
        migrations.CreateModel(
            name='SignOff',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('statement', models.TextField(help_text='Canonical JSON; these exact bytes are signed.')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('signature', models.CharField(help_text='Ed25519, base64.', max_length=100)),
                ('key_id', models.CharField(help_text="SHA-256 (hex) of the public key's DER form.", max_length=64)),
                ('role', models.CharField(max_length=60)),
                ('signed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('reminders_sent', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('withdrawn_at', models.DateTimeField(editable=False, null=True)),
                ('withdrawal_reason', models.CharField(blank=True, editable=False, max_length=500)),
            ],
            options={
                'verbose_name': 'sign-off',
                'ordering': ['signed_at', 'pk'],
                'permissions': [('sign_off', "Can sign for a revision's safety")],
            },
        ),
        migrations.AddField(
            model_name='release',
            name='author',
            field=models.ForeignKey(editable=False, help_text='Who made it; nobody signs for a release of their own.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='releases_made', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='release',
            name='pause_reason',
            field=models.CharField(blank=True, editable=False, max_length=500),
        ),
        migrations.AddField(
            model_name='release',
            name='paused_at',
            field=models.DateTimeField(editable=False, help_text='Every door is shut until it is resumed.', null=True),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pause_reason', ''), ('paused_at', None)), models.Q(('paused_at__isnull', False), models.Q(('pause_reason', ''), _negated=True)), _connector='OR'), name='a_reason_for_every_pause'),
        ),
        migrations.AddField(
            model_name='evaluation',
            name='recorded_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='evaluation',
            name='revision',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='evaluations', to='releases.revision'),
        ),
        migrations.AddField(
            model_name='evaluation',
            name='withdrawn_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='requirement',
            name='release',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='requirements', to='releases.release'),
        ),
        migrations.AddField(
            model_name='safetypolicy',
            name='put_in_force_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='signoff',
            name='revision',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sign_offs', to='releases.revision'),
        ),
        migrations.AddField(
            model_name='signoff',
            name='signer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sign_offs', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='evaluation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('withdrawal_reason', ''), ('withdrawn_at', None)), models.Q(('withdrawn_at__isnull', False), models.Q(('withdrawal_reason', ''), _negated=True)), _connector='OR'), name='a_reason_for_every_withdrawn_evaluation'),
        ),
        migrations.AddConstraint(
            model_name='requirement',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at', None)), fields=('release', 'suite', 'metric'), name='one_live_requirement_a_metric'),
        ),
        migrations.AddConstraint(
            model_name='signoff',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at', None)), fields=('revision', 'signer'), name='one_sign_off_a_person'),
        ),
        migrations.AddConstraint(
            model_name='signoff',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('signed_at'))), name='a_sign_off_lasts_a_while'),
        ),
        migrations.RunSQL(FUNCTIONS, FORGET_FUNCTIONS),
        migrations.RunSQL(GUARDS, FORGET_GUARDS),
    ]
