with

pull_request_commits as (

    select * from ${raw}.ghes_pull_request_commits

)

select
    repository,
    number as pull_request,
    sha,

    position,
    array_length(json_value_array(parents)) as count_parents,

    authored_at,
    committed_at

from pull_request_commits
