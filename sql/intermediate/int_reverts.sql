with

pull_requests as (

    select * from ${mart}.int_pull_requests_deployed

),

mentions as (

    select
        pull_requests.service,
        pull_requests.environment,
        pull_requests.repository,
        pull_requests.deployment_id,
        pull_requests.base,
        pull_requests.position,
        pull_requests.deployed_at,
        mention

    from pull_requests
    cross join unnest(
        regexp_extract_all(pull_requests.body, r'(?i)\breverts\s+((?:[\w.-]+/[\w.-]+)?#\d+)')
    ) as mention

)

select
    service,
    environment,
    repository,
    deployment_id,
    base,
    position,
    deployed_at,
    if(
        starts_with(mention, '#'), repository, regexp_extract(mention, r'^([^#]+)#')
    ) as reverted_repository,
    cast(regexp_extract(mention, r'#(\d+)') as int64) as reverted_pull_request

from mentions
