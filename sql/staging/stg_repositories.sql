with

repositories as (

    select distinct
        service,
        resource as repository

    from ${raw}.service_resources
    where source = 'ghes'

)

select
    service,
    repository,
    count(*) over (partition by service) = 1 as is_only

from repositories
