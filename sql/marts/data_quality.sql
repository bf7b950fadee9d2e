with

services as (

    select * from ${raw}.services

),

resources as (

    select * from ${raw}.service_resources

),

repositories as (

    select * from ${mart}.stg_repositories

),

deployments as (

    select * from ${mart}.int_deployments

),

changes as (

    select * from ${mart}.int_changes

),

incidents as (

    select * from ${mart}.incidents_linked

),

pull_requests as (

    select * from ${mart}.pull_requests_delivered

),

commits as (

    select
        repository,
        sha

    from ${mart}.stg_commits

),

committed_repositories as (

    select distinct repository

    from commits

),

files as (

    select distinct
        repository,
        number as pull_request

    from ${raw}.ghes_pull_request_files

),

-- what GitHub counts, to compare with what was extracted
counted as (

    select
        repository,
        number as pull_request,
        max(commits) as count_commits

    from ${raw}.ghes_pull_requests
    group by repository, number

),

merged as (

    select * from ${mart}.int_pull_requests_merged

),

findings as (

    select
        'clock_skew' as name,
        'warning' as severity,
        service,
        sha as example

    from changes
    where quality = 'clock_skew'
    union all
    select
        'base_unknown' as name,
        'warning' as severity,
        service,
        deployment_id as example

    from deployments
    where base = 'base_unknown'
    union all
    select
        'deployment_sha_missing' as name,
        'warning' as severity,
        service,
        deployment_id as example

    from deployments
    where sha is null
    union all
    select
        'deployment_sha_unknown' as name,
        'error' as severity,
        deployments.service,
        concat(deployments.deployment_id, ' ', deployments.sha) as example

    from deployments
    left join commits
        on
            deployments.repository = commits.repository
            and deployments.sha = commits.sha
    where
        deployments.sha is not null
        and commits.sha is null
    union all
    select
        'deployment_in_future' as name,
        'error' as severity,
        service,
        deployment_id as example

    from deployments
    where deployed_at > ${now}
    union all
    select
        'deployment_word_unknown' as name,
        'error' as severity,
        deployments.service,
        concat(
            deployments.deployment_id, ' ', coalesce(deployments.kind, ''), ' ', coalesce(deployments.status, '')
        ) as example

    from ${raw}.deployments as deployments
    inner join services
        on deployments.service = services.service
    where
        services.deployments_from = 'csv'
        and (
            coalesce(lower(trim(deployments.status)), '') not in ('', 'succeeded', 'failed', 'pending')
            or coalesce(lower(trim(deployments.kind)), '')
            not in ('', 'deploy', 'promote', 'rollback', 'config', 'addon', 'other')
        )
    union all
    select
        'service_without_deployments' as name,
        'warning' as severity,
        services.service,
        services.deployments_from as example

    from services
    left join deployments
        on
            services.service = deployments.service
            and deployments.environment = '${environment}'
    where deployments.service is null
    union all
    select
        'deployment_without_time' as name,
        'error' as severity,
        service,
        deployment_id as example

    from ${raw}.deployments
    where
        coalesce(lower(trim(status)), '') in ('', 'succeeded')
        and finished_at is null
    union all
    select
        'deployment_unmapped' as name,
        'warning' as severity,
        'unmapped' as service,
        concat(deployments.service, ' ', deployments.deployment_id) as example

    from ${raw}.deployments as deployments
    left join services
        on deployments.service = services.service
    where services.service is null
    union all
    select
        'release_outcome_unknown' as name,
        'warning' as severity,
        apps.service,
        concat(releases.app_name, ' v', cast(releases.version as string)) as example

    from ${raw}.heroku_releases as releases
    inner join (
        select distinct
            service,
            resource as app_name

        from resources
        where
            source = 'heroku'
            and environment = '${environment}'
    ) as apps
        on releases.app_name = apps.app_name
    where
        releases.first_terminal_status = 'expired'
        and releases.kind in ('deploy', 'promote', 'rollback')
    union all
    select
        'incident_dirty' as name,
        'error' as severity,
        service,
        incident_id as example

    from incidents
    where is_dirty
    union all
    select
        'incident_without_start' as name,
        'error' as severity,
        service,
        incident_id as example

    from incidents
    where started_at is null
    union all
    select
        'incident_unmapped' as name,
        'warning' as severity,
        incidents.service,
        concat(incidents.incident_id, ' ', coalesce(stg_incidents.service_key, '')) as example

    from incidents
    inner join ${mart}.stg_incidents as stg_incidents
        on
            incidents.source = stg_incidents.source
            and incidents.incident_id = stg_incidents.incident_id
    where incidents.service = 'unmapped'
    union all
    select
        'incident_cause_unknown' as name,
        'warning' as severity,
        incidents.service,
        concat(
            incidents.incident_id, ' ', coalesce(stg_incidents.named_deployment, stg_incidents.named_sha)
        ) as example

    from incidents
    inner join ${mart}.stg_incidents as stg_incidents
        on
            incidents.source = stg_incidents.source
            and incidents.incident_id = stg_incidents.incident_id
    where
        incidents.deployment_id is null
        and incidents.is_change_related
        and incidents.service != 'unmapped'
        and coalesce(stg_incidents.named_deployment, stg_incidents.named_sha) is not null
    union all
    select
        'pull_request_commits_missing' as name,
        'warning' as severity,
        service,
        concat(repository, '#', cast(pull_request as string)) as example

    from pull_requests
    where merge_method = 'unknown'
    union all
    select
        'pull_request_commits_truncated' as name,
        'warning' as severity,
        pull_requests.service,
        concat(pull_requests.repository, '#', cast(pull_requests.pull_request as string)) as example

    from pull_requests
    inner join merged
        on
            pull_requests.repository = merged.repository
            and pull_requests.pull_request = merged.pull_request
    inner join counted
        on
            pull_requests.repository = counted.repository
            and pull_requests.pull_request = counted.pull_request
    where
        merged.count_commits > 0
        and merged.count_commits < counted.count_commits
    union all
    select
        'merge_commit_unknown' as name,
        'warning' as severity,
        pull_requests.service,
        concat(pull_requests.repository, '#', cast(pull_requests.pull_request as string)) as example

    from pull_requests
    inner join merged
        on
            pull_requests.repository = merged.repository
            and pull_requests.pull_request = merged.pull_request
    left join commits
        on
            merged.repository = commits.repository
            and merged.merge_commit_sha = commits.sha
    where commits.sha is null
    union all
    select
        'pull_request_files_missing' as name,
        'warning' as severity,
        pull_requests.service,
        concat(pull_requests.repository, '#', cast(pull_requests.pull_request as string)) as example

    from pull_requests
    inner join (
        select distinct
            service,
            resource as repository

        from resources
        where
            source = 'ghes'
            and path_prefix != ''
    ) as paths
        on
            pull_requests.service = paths.service
            and pull_requests.repository = paths.repository
    left join files
        on
            pull_requests.repository = files.repository
            and pull_requests.pull_request = files.pull_request
    where files.repository is null
    union all
    select
        'history_incomplete' as name,
        'info' as severity,
        repositories.service,
        concat(boundaries.repository, ' ', boundaries.sha) as example

    from repositories
    inner join ${raw}.link_boundaries as boundaries
        on repositories.repository = boundaries.repository
    union all
    select
        'repository_without_commits' as name,
        'error' as severity,
        repositories.service,
        repositories.repository as example

    from repositories
    left join committed_repositories
        on repositories.repository = committed_repositories.repository
    where committed_repositories.repository is null
    union all
    select
        'repository_unmapped' as name,
        'info' as severity,
        'unmapped' as service,
        extracted.repository as example

    from (
        select distinct repository

        from ${raw}.ghes_repositories
    ) as extracted
    left join repositories
        on extracted.repository = repositories.repository
    where repositories.repository is null
    union all
    select
        'app_unmapped' as name,
        'warning' as severity,
        'unmapped' as service,
        apps.app_name as example

    from (
        select distinct app_name

        from ${raw}.heroku_releases
    ) as apps
    left join (
        select distinct resource

        from resources
        where source = 'heroku'
    ) as claimed
        on apps.app_name = claimed.resource
    where claimed.resource is null
    union all
    select
        'request_key_unmapped' as name,
        'warning' as severity,
        service,
        service_key as example

    from ${mart}.stg_request_counts
    where service = 'unmapped'
    group by service, service_key
    union all
    select
        'key_claimed_twice' as name,
        'error' as severity,
        min(resources.service) as service,
        concat(source, ' ', resource) as example

    from resources
    where source in ('incidents', 'requests')
    group by source, resource
    having count(distinct resources.service) > 1
    union all
    select
        'override_unmatched' as name,
        'error' as severity,
        service,
        concat(
            coalesce(named_deployment, ''),
            if(named_deployment is null or incident_id is null, '', ' '),
            coalesce(incident_id, '')
        ) as example

    from ${mart}.int_overrides
    where not is_matched
    union all
    select
        'override_dirty' as name,
        'error' as severity,
        overrides.service,
        overrides.deployment_id as example

    from ${mart}.int_overrides as overrides
    inner join deployments
        on
            overrides.service = deployments.service
            and overrides.environment = deployments.environment
            and overrides.deployment_id = deployments.deployment_id
    where overrides.recovered_at < deployments.deployed_at

)

select
    name as `check`,
    any_value(severity) as severity,
    service,
    count(*) as count,
    min(example) as example

from findings
group by name, service
