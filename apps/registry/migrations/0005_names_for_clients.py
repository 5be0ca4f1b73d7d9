from django.db import migrations
from django.db.models import Q


def names_fit(apps, editor):
    """MLflow's clients cannot name a model with a slash or a colon: “-” stands for both, as for new ones."""
    Model = apps.get_model("registry", "Model")
    for model in Model.objects.filter(Q(name__contains="/") | Q(name__contains=":")).order_by("created_at", "id"):
        fit = model.name.replace("/", "-").replace(":", "-")
        names, count = Model.objects.filter(team_id=model.team_id, archived_at__isnull=True).exclude(pk=model.pk), 2
        model.name = fit
        while model.archived_at is None and names.filter(name__iexact=model.name).exists():
            model.name = f"{fit[:240]} ({count})"
            count += 1
        model.save(update_fields=["name"])


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_stated")]

    operations = [migrations.RunPython(names_fit, migrations.RunPython.noop)]
