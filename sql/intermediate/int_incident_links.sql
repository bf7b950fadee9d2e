with

incidents as (

    select * from ${mart}.stg_incidents

),

all_deployments as (

    select * from ${mart}.int_deployments
    where environment = '${environment}'

),

deployments as (

    select
        *,
        lead(started_at) over (
            partition by service
            order by deployed_at, position
        ) as next_started_at

    from all_deployments
    where not is_redeployment

),

overrides as (

    select
        overrides.incident_key,
        overrides.service,
        overrides.deployment_id,
        all_deployments.position

    from ${mart}.int_overrides as overrides
    left join all_deployments
        on
            overrides.service = all_deployments.service
            and overrides.deployment_id = all_deployments.deployment_id
    where
        overrides.incident_key is not null
        and overrides.environment = '${environment}'
        and overrides.is_matched

),

deployment_commits as (

    select * from ${raw}.deployment_commits
    where environment = '${environment}'

),

changes as (

    select * from ${mart}.int_changes
    where environment = '${environment}'

),

pull_requests as (

    select * from ${mart}.int_pull_requests_deployed
    where environment = '${environment}'

),

pull_request_commits as (

    select * from ${mart}.stg_pull_request_commits

),

carried as (

    select
        service,
        deployment_id,
        sha

    from deployment_commits
    union all
    select
        service,
        deployment_id,
        sha

    from changes
    union all
    select
        pull_requests.service,
        pull_requests.deployment_id,
        pull_request_commits.sha

    from pull_requests
    inner join pull_request_commits
        on
            pull_requests.repository = pull_request_commits.repository
            and pull_requests.pull_request = pull_request_commits.pull_request

),

blamed as (

    select incidents.*

    from incidents
    left join (
        select distinct incident_key

        from overrides
    ) as overridden
        on incidents.incident_key = overridden.incident_key
    where
        incidents.is_change_related
        and overridden.incident_key is null

),

named as (

    select
        incident_key,
        service,
        name

    from blamed
    cross join unnest([named_deployment, named_sha]) as name
    where name is not null

),

by_override as (

    select
        incident_key,
        service,
        deployment_id,
        'override' as linked_by,
        0 as preference,
        position

    from overrides
    where deployment_id is not null

),

-- rows that are one deployment, because their external id is one, name it each
written_deployments as (

    select * from ${mart}.stg_deployments_written
    where environment = '${environment}'

),

-- all names of a deployment, so that they are joined by equality
deployment_names as (

    select
        all_deployments.service,
        all_deployments.original_deployment_id as deployment_id,
        all_deployments.position,
        name

    from all_deployments
    cross join unnest([
        all_deployments.deployment_id, all_deployments.external_id, all_deployments.ref
    ]) as name
    where
        all_deployments.original_deployment_id is not null
        and name is not null
    union all
    select
        all_deployments.service,
        all_deployments.original_deployment_id as deployment_id,
        all_deployments.position,
        written_deployments.deployment_id as name

    from all_deployments
    inner join written_deployments
        on
            all_deployments.service = written_deployments.service
            and all_deployments.external_id = written_deployments.external_id
    where all_deployments.original_deployment_id is not null

),

pull_request_names as (

    select
        service,
        deployment_id,
        concat('#', cast(pull_request as string)) as name

    from pull_requests
    union all
    select
        service,
        deployment_id,
        lower(concat(repository, '#', cast(pull_request as string))) as name

    from pull_requests
    union all
    select
        service,
        deployment_id,
        lower(url) as name

    from pull_requests

),

by_deployment as (

    select
        named.incident_key,
        deployment_names.service,
        deployment_names.deployment_id,
        'deployment' as linked_by,
        1 as preference,
        deployment_names.position

    from named
    inner join deployment_names
        on
            named.service = deployment_names.service
            and named.name = deployment_names.name

),

by_commit as (

    select
        named.incident_key,
        deployments.service,
        deployments.deployment_id,
        'commit' as linked_by,
        2 as preference,
        deployments.position

    from named
    inner join carried
        on
            named.service = carried.service
            and substr(lower(named.name), 1, 7) = substr(carried.sha, 1, 7)
    inner join deployments
        on
            carried.service = deployments.service
            and carried.deployment_id = deployments.deployment_id
    where
        length(named.name) >= 7
        and starts_with(carried.sha, lower(named.name))

),

by_pull_request as (

    select
        named.incident_key,
        deployments.service,
        deployments.deployment_id,
        'pull_request' as linked_by,
        2 as preference,
        deployments.position

    from named
    inner join pull_request_names
        on
            named.service = pull_request_names.service
            and lower(named.name) = pull_request_names.name
    inner join deployments
        on
            pull_request_names.service = deployments.service
            and pull_request_names.deployment_id = deployments.deployment_id

),

by_time as (

    select
        blamed.incident_key,
        deployments.service,
        deployments.deployment_id,
        'time' as linked_by,
        3 as preference,
        -deployments.position as position

    from blamed
    inner join deployments
        on
            blamed.service = deployments.service
            and blamed.started_at >= deployments.started_at
            and (deployments.next_started_at is null or blamed.started_at < deployments.next_started_at)
            and blamed.started_at
            <= timestamp_add(deployments.deployed_at, interval cast(${incident_link_hours} * 3600 as int64) second)
    where
        blamed.named_deployment is null
        and blamed.named_sha is null

),

candidates as (

    select * from by_override
    union all
    select * from by_deployment
    union all
    select * from by_commit
    union all
    select * from by_pull_request
    union all
    select * from by_time

)

select
    incident_key,
    service,
    deployment_id,
    linked_by

from candidates
qualify
    row_number() over (
        partition by incident_key
        order by preference, position
    ) = 1
