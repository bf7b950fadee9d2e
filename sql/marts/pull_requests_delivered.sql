with

services as (

    select * from ${raw}.services

),

deployed as (

    select * from ${mart}.int_pull_requests_deployed
    where environment = '${environment}'

),

pull_requests as (

    select * from ${mart}.int_pull_requests_merged

),

pull_requests_elsewhere as (

    select * from ${mart}.stg_pull_requests_elsewhere

),

service_repositories as (

    select
        service,
        repository

    from ${mart}.stg_repositories
    union distinct
    select
        service,
        repository

    from deployed

),

-- all that could be deployed by a service, and what was
delivered as (

    select
        services.service,
        services.owner,
        pull_requests.repository,
        pull_requests.pull_request,
        deployed.deployment_id,

        pull_requests.title,
        pull_requests.url,
        pull_requests.base_ref,
        pull_requests.merge_method,
        deployed.base,

        deployed.deployment_id is not null as is_deployed,

        pull_requests.first_authored_at,
        pull_requests.opened_at,
        pull_requests.first_review_at,
        pull_requests.merged_at,
        if(deployed.base = 'ok', deployed.deployed_at, null) as deployed_at

    from service_repositories
    inner join services
        on service_repositories.service = services.service
    inner join pull_requests
        on service_repositories.repository = pull_requests.repository
    left join pull_requests_elsewhere
        on
            services.service = pull_requests_elsewhere.service
            and pull_requests.repository = pull_requests_elsewhere.repository
            and pull_requests.pull_request = pull_requests_elsewhere.pull_request
    left join deployed
        on
            services.service = deployed.service
            and pull_requests.repository = deployed.repository
            and pull_requests.pull_request = deployed.pull_request
    where pull_requests_elsewhere.service is null

)

select
    service,
    owner,
    repository,
    pull_request,
    deployment_id,

    title,
    url,
    base_ref,
    merge_method,
    base,

    greatest(timestamp_diff(opened_at, first_authored_at, microsecond), 0) / 3600000000 as coding_hours,
    greatest(timestamp_diff(first_review_at, opened_at, microsecond), 0) / 3600000000 as pickup_hours,
    greatest(timestamp_diff(merged_at, first_review_at, microsecond), 0) / 3600000000 as review_hours,
    greatest(timestamp_diff(deployed_at, merged_at, microsecond), 0) / 3600000000 as deploy_hours,
    greatest(timestamp_diff(merged_at, opened_at, microsecond), 0) / 3600000000 as time_to_merge_hours,
    greatest(timestamp_diff(deployed_at, first_authored_at, microsecond), 0) / 3600000000 as time_to_release_hours,

    is_deployed,

    date(merged_at, '${timezone}') as merged_date,
    date(deployed_at, '${timezone}') as deployed_date,

    first_authored_at,
    opened_at,
    first_review_at,
    merged_at,
    deployed_at

from delivered
