with

pull_requests as (

    select * from ${raw}.ghes_pull_requests

)

select
    repository,
    number as pull_request,
    merge_commit_sha,

    title,
    body,
    base_ref,
    head_ref,
    html_url,
    json_value_array(coalesce(labels, '[]')) as labels,

    created_at as opened_at,
    first_review_at,
    merged_at

from pull_requests
where merged_at is not null
