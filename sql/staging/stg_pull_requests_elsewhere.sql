with

paths as (

    select
        service,
        resource as repository,
        trim(path_prefix, '/') as path

    from ${raw}.service_resources
    where
        source = 'ghes'
        and trim(path_prefix, '/') != ''

),

files as (

    select * from ${raw}.ghes_pull_request_files

),

touches as (

    select
        paths.service,
        files.repository,
        files.number as pull_request,
        (
            files.filename = paths.path
            or starts_with(files.filename, concat(paths.path, '/'))
            or coalesce(files.previous_filename = paths.path, false)
            or coalesce(starts_with(files.previous_filename, concat(paths.path, '/')), false)
        ) as is_touched

    from files
    inner join paths
        on files.repository = paths.repository

)

select
    service,
    repository,
    pull_request

from touches
group by service, repository, pull_request
having not logical_or(is_touched)
