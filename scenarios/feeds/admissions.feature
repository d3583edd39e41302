# language: zh-CN
@接口-HIS-ADT
功能: 患者信息从 HIS 到 LIS
  负责人: 平台接口组

  @REQ-FEED-007 @冒烟 @id-feed-admission
  场景大纲: 入院患者信息逐字段到达 LIS
    当 HIS为姓名属于“<类别>”的患者“甲”办理入院
    那么 5秒内LIS中患者“甲”的信息应与HIS登记一致

    例子:
      | 类别     |
      | 普通     |
      | 截断字   |
      | 生僻字   |
      | 易误判字 |

  @REQ-FEED-022 @id-feed-admission-message
  场景: 入院报文的身份字段正确
    当 HIS为姓名属于“长名”的患者“甲”办理入院
    那么 5秒内HIS发往LIS的患者“甲”的“ADT^A01”报文应为:
      | 字段        | 值           |
      | PID-3[1].1  | 登记患者号   |
      | PID-3[2].1  | 登记身份证号 |
      | PID-5       | 登记姓名     |
      | PID-7       | 登记出生日期 |
      | PID-8       | 登记性别     |

  @REQ-FEED-010 @id-feed-transfer
  场景: 转科后病区床位更新
    假如 患者“甲”已在HIS入院
    当 HIS为患者“甲”办理转科到病区“W07”床位“12”
    那么 5秒内LIS中患者“甲”的信息应与HIS登记一致

  @REQ-FEED-093 @扰动 @id-feed-discharge
  场景: 出院后在 LIS 中不再是在院
    假如 患者“甲”已在HIS入院
    当 HIS为患者“甲”办理出院
    那么 5秒内LIS中患者“甲”的信息应与HIS登记一致

  @REQ-FEED-009 @id-feed-delete-phone
  场景: 删除的电话在 LIS 中也被删除
    假如 患者“甲”已在HIS入院
    当 HIS删除患者“甲”的电话
    那么 5秒内LIS中患者“甲”的信息应与HIS登记一致

  @REQ-FEED-023 @id-feed-delete-message
  场景: 删除以删除值发送，而不是空值
    假如 患者“甲”已在HIS入院
    当 HIS删除患者“甲”的电话
    那么 5秒内HIS发往LIS的患者“甲”的“ADT^A08”报文应为:
      | 字段   | 值     |
      | PID-13 | 删除值 |

  @REQ-FEED-011 @id-feed-merge
  场景: 合并后申请归到保留的患者
    假如 患者“乙”已在HIS入院
    而且 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 HIS将患者“甲”合并到患者“乙”
    那么 5秒内LIS中标本“管1”的申请应为:
      | 项目 | 患者 |
      | K    | 乙   |
