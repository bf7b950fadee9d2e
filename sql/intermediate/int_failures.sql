with

deployments as (

    select * from ${mart}.int_deployments
    where
        environment = '${environment}'
        and not is_redeployment

),

incidents as (

    select * from ${mart}.stg_incidents

),

links as (

    select * from ${mart}.int_incident_links

),

reverts as (

    select * from ${mart}.int_reverts
    where environment = '${environment}'

),

request_steps as (

    select * from ${mart}.int_request_steps
    where is_step

),

marks as (

    select
        service,
        deployment_id,
        logical_or(is_failed) as is_failed,
        max(recovered_at) as recovered_at

    from ${mart}.int_overrides
    where
        is_failed is not null
        and is_matched
        and environment = '${environment}'
    group by service, deployment_id

),

pull_requests as (

    select * from ${mart}.int_pull_requests_deployed
    where
        environment = '${environment}'
        and base != 'baseline'

),

failed_by_incidents as (

    select
        links.service,
        links.deployment_id,
        case links.linked_by
            when 'time' then 'incident_time'
            when 'override' then 'incident_override'
            else 'incident_named'
        end as rule,
        incidents.resolved_at as recovered_at

    from links
    inner join incidents
        on links.incident_key = incidents.incident_key

),

failed_by_rollback as (

    select
        service,
        undoes_deployment_id as deployment_id,
        'rollback' as rule,
        deployed_at as recovered_at

    from deployments
    where undoes_deployment_id is not null

),

failed_by_revert as (

    select
        pull_requests.service,
        pull_requests.deployment_id,
        'revert' as rule,
        reverts.deployed_at as recovered_at

    from pull_requests
    inner join reverts
        on
            pull_requests.service = reverts.service
            and lower(pull_requests.repository) = lower(reverts.reverted_repository)
            and pull_requests.pull_request = reverts.reverted_pull_request
    where reverts.position > pull_requests.position

),

failed_by_requests as (

    select
        service,
        deployment_id,
        'requests' as rule,
        cast(null as timestamp) as recovered_at

    from request_steps

),

failed_by_override as (

    select
        service,
        deployment_id,
        'override' as rule,
        cast(null as timestamp) as recovered_at

    from marks
    where is_failed

),

causes as (

    select * from failed_by_incidents
    union all
    select * from failed_by_rollback
    union all
    select * from failed_by_revert
    union all
    select * from failed_by_requests
    union all
    select * from failed_by_override

),

failures as (

    select
        causes.service,
        causes.deployment_id,
        string_agg(distinct causes.rule, ',' order by causes.rule) as failed_by,
        count(if(causes.rule like 'incident%', 1, null)) as count_incidents,
        count(if(causes.rule like 'incident%' and causes.recovered_at is null, 1, null)) as count_open_incidents,
        max(if(causes.rule like 'incident%', causes.recovered_at, null)) as incidents_resolved_at,
        min(if(causes.rule not like 'incident%', causes.recovered_at, null)) as undone_at

    from causes
    group by causes.service, causes.deployment_id

),

recovered as (

    select
        failures.*,
        deployments.owner,
        deployments.environment,
        deployments.deployed_date,
        deployments.deployed_at,
        case
            when marks.recovered_at >= deployments.deployed_at then marks.recovered_at
            when failures.count_incidents > 0 and failures.count_open_incidents = 0
                then failures.incidents_resolved_at
            else failures.undone_at
        end as recovered_at

    from failures
    inner join deployments
        on
            failures.service = deployments.service
            and failures.deployment_id = deployments.deployment_id
    left join marks
        on
            failures.service = marks.service
            and failures.deployment_id = marks.deployment_id
    where coalesce(marks.is_failed, true)

)

select
    service,
    owner,
    environment,
    deployment_id,
    failed_by,
    count_incidents,
    deployed_date,
    date(recovered_at, '${timezone}') as recovered_date,
    deployed_at,
    recovered_at,
    greatest(timestamp_diff(recovered_at, deployed_at, microsecond), 0) / 3600000000 as recovery_hours

from recovered
