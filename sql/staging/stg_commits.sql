with

commits as (

    select * from ${raw}.ghes_commits

)

select
    repository,
    sha,

    message,

    coalesce(array_length(json_value_array(parents)), 0) as count_parents,

    authored_at,
    committed_at

from commits
