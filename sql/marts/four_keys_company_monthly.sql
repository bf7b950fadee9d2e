with

four_keys as (

    select * from ${mart}.int_four_keys
    where grain = 'company_month'

)

select
    * except (grain, service, owner, inputs)

from four_keys
