with

deployed as (

    select * from ${mart}.int_pull_requests_deployed

),

pull_requests as (

    select * from ${mart}.stg_pull_requests

),

renames as (

    select * from ${mart}.stg_renames

),

mentions as (

    select
        deployed.service,
        deployed.environment,
        deployed.repository,
        deployed.deployment_id,
        deployed.base,
        deployed.position,
        deployed.deployed_at,
        mention

    from deployed
    inner join pull_requests
        on
            deployed.repository = pull_requests.repository
            and deployed.pull_request = pull_requests.pull_request
    cross join unnest(
        regexp_extract_all(pull_requests.body, r'(?i)\breverts\s+((?:[\w.-]+/[\w.-]+)?#\d+)')
    ) as mention

),

reverts as (

    select
        *,
        if(
            starts_with(mention, '#'), repository, regexp_extract(mention, r'^([^#]+)#')
        ) as named_repository

    from mentions

)

select
    reverts.service,
    reverts.environment,
    reverts.repository,
    reverts.deployment_id,
    reverts.base,
    reverts.position,
    reverts.deployed_at,
    coalesce(renames.repository, reverts.named_repository) as reverted_repository,
    cast(regexp_extract(reverts.mention, r'#(\d+)') as int64) as reverted_pull_request

from reverts
left join renames
    on lower(reverts.named_repository) = lower(renames.earlier_repository)
