with

changes as (

    select * from ${mart}.int_changes
    where
        quality = 'ok'
        and environment = '${environment}'

),

pull_requests as (

    select * from ${mart}.int_pull_requests_merged

)

select
    changes.service,
    changes.owner,
    changes.repository,
    changes.sha,
    changes.pull_request,
    changes.deployment_id,

    changes.lead_time_hours,
    greatest(
        timestamp_diff(pull_requests.opened_at, pull_requests.first_authored_at, microsecond), 0
    ) / 3600000000 as coding_hours,
    greatest(
        timestamp_diff(pull_requests.first_review_at, pull_requests.opened_at, microsecond), 0
    ) / 3600000000 as pickup_hours,
    greatest(
        timestamp_diff(pull_requests.merged_at, pull_requests.first_review_at, microsecond), 0
    ) / 3600000000 as review_hours,
    greatest(
        timestamp_diff(changes.deployed_at, pull_requests.merged_at, microsecond), 0
    ) / 3600000000 as deploy_hours,

    changes.deployed_date,

    changes.started_at as committed_at,
    changes.deployed_at

from changes
left join pull_requests
    on
        changes.repository = pull_requests.repository
        and changes.pull_request = pull_requests.pull_request
