from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "apps.jobs"
    label = "jobs"

    def ready(self) -> None:
        from apps.compute.contracts import use_register
        from apps.core.links import link_register, page_of
        from apps.core.registries import (
            AdminTab,
            Command,
            NavEntry,
            admin_tab_register,
            command_register,
            navigation_register,
            search_register,
        )
        from apps.jobs import blob_sources, policies, selectors
        from apps.jobs.search import jobs_find, quota_pages
        from apps.jobs.topics import topics_register

        admin_tab_register(AdminTab("quotas", "Quotas", "quota-list", 47, policies.quotas_manage))
        command_register(Command("Go to quotas", "quota-list", "cpu", policies.quotas_manage))
        link_register("jobs.teamquota", quota_pages, opens=policies.quotas_manage)
        use_register(selectors.use_by_target)
        topics_register()
        blob_sources.register()
        search_register("job", jobs_find)
        navigation_register(NavEntry("jobs", "Jobs", "cpu", "job-list", 50, "j", counted=selectors.running_list))
        command_register(Command("Go to jobs", "job-list", "cpu"))
        link_register("jobs.job", page_of("job-detail"), word="job")
