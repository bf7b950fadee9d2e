with

services as (

    select * from ${raw}.services

),

-- numbers of pull requests, and ids of hand-made rows, are unique in their repository only
repositories as (

    select
        *,
        if(is_only, '', concat(repository, '#')) as id_prefix

    from ${mart}.stg_repositories

),

apps as (

    select
        service,
        resource as app_name,
        environment

    from ${raw}.service_resources
    where source = 'heroku'

),

pull_requests_elsewhere as (

    select * from ${mart}.stg_pull_requests_elsewhere

),

written as (

    select * from ${mart}.stg_deployments_written
    qualify
        row_number() over (
            partition by service, environment, external_id
            order by finished_at, length(deployment_id), deployment_id
        ) = 1

),

releases as (

    select
        services.service,
        '${environment}' as environment,
        releases.repository,
        concat(repositories.id_prefix, cast(releases.id as string)) as deployment_id,
        cast(releases.id as string) as external_id,
        releases.tag_name as ref,
        lower(releases.target_sha) as sha,
        releases.html_url as url,
        'deploy' as declared_kind,
        releases.published_at as started_at,
        releases.published_at as finished_at

    from services
    inner join repositories
        on services.service = repositories.service
    inner join ${raw}.ghes_releases as releases
        on repositories.repository = releases.repository
    where
        services.deployments_from = 'releases'
        and releases.published_at is not null
        and not coalesce(releases.draft, false)
        and (services.include_prereleases or not coalesce(releases.prerelease, false))

),

merges as (

    select
        services.service,
        '${environment}' as environment,
        pull_requests.repository,
        concat(repositories.id_prefix, cast(pull_requests.number as string)) as deployment_id,
        cast(pull_requests.number as string) as external_id,
        concat('#', cast(pull_requests.number as string)) as ref,
        lower(pull_requests.merge_commit_sha) as sha,
        pull_requests.html_url as url,
        'deploy' as declared_kind,
        pull_requests.merged_at as started_at,
        pull_requests.merged_at as finished_at

    from services
    inner join repositories
        on services.service = repositories.service
    inner join ${raw}.ghes_pull_requests as pull_requests
        on repositories.repository = pull_requests.repository
    left join ${raw}.ghes_repositories as ghes_repositories
        on repositories.repository = ghes_repositories.repository
    left join pull_requests_elsewhere
        on
            services.service = pull_requests_elsewhere.service
            and pull_requests.repository = pull_requests_elsewhere.repository
            and pull_requests.number = pull_requests_elsewhere.pull_request
    where
        services.deployments_from = 'merges'
        and pull_requests_elsewhere.service is null
        and pull_requests.merged_at is not null
        and (
            ghes_repositories.default_branch is null
            or pull_requests.base_ref is null
            or pull_requests.base_ref = ghes_repositories.default_branch
        )

),

ghes_deployments as (

    select
        services.service,
        deployments.environment,
        deployments.repository,
        concat(repositories.id_prefix, cast(deployments.id as string)) as deployment_id,
        cast(deployments.id as string) as external_id,
        deployments.ref,
        lower(deployments.sha) as sha,
        cast(null as string) as url,
        'deploy' as declared_kind,
        deployments.created_at as started_at,
        statuses.created_at as finished_at

    from services
    inner join repositories
        on services.service = repositories.service
    inner join ${raw}.ghes_deployments as deployments
        on repositories.repository = deployments.repository
    inner join ${raw}.ghes_deployment_statuses as statuses
        on
            deployments.repository = statuses.repository
            and deployments.id = statuses.deployment_id
    where
        services.deployments_from = 'deployments'
        and statuses.state = 'success'

),

heroku_releases as (

    select
        services.service,
        apps.environment,
        repositories.repository,
        concat(releases.app_name, ' v', cast(releases.version as string)) as deployment_id,
        concat(releases.app_name, ' v', cast(releases.version as string)) as external_id,
        concat('v', cast(releases.version as string)) as ref,
        lower(releases.commit_sha) as sha,
        concat(
            'https://dashboard.heroku.com/apps/', releases.app_name, '/activity/releases/', releases.id
        ) as url,
        releases.kind as declared_kind,
        releases.created_at as started_at,
        releases.created_at as finished_at

    from services
    inner join apps
        on services.service = apps.service
    inner join ${raw}.heroku_releases as releases
        on apps.app_name = releases.app_name
    left join repositories
        on
            services.service = repositories.service
            and repositories.is_only
    where
        services.deployments_from = 'heroku'
        and coalesce(releases.first_terminal_status, releases.status) = 'succeeded'
        and releases.kind in ('deploy', 'promote', 'rollback')

),

all_deployments as (

    select * from releases
    union all
    select * from merges
    union all
    select * from ghes_deployments
    union all
    select * from heroku_releases
    union all
    select
        service,
        environment,
        repository,
        deployment_id,
        external_id,
        cast(null as string) as ref,
        sha,
        cast(null as string) as url,
        declared_kind,
        started_at,
        finished_at

    from written

),

first_successes as (

    select * from all_deployments
    qualify
        row_number() over (
            partition by service, environment, deployment_id
            order by finished_at
        ) = 1

)

select * from first_successes
