# language: zh-CN
@extended @接口-LIS-FRAMED
功能: 自有帧格式的检验仪器接入 LIS
  负责人: 检验接口组
  不用 ASTM 的仪器各有帧头、校验和列宽；LIS 的端口驱动必须与仪器一致。

  @REQ-LAB-063 @冒烟 @id-lab-framed-models
  场景大纲: 各型自有帧格式仪器的结果原样入库
    假如 LIS已为检验设备“<型号>”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“<型号>”的项目
    当 检验设备“<型号>”上传标本“管1”的结果
    那么 5秒内LIS中标本“管1”的结果应与检验设备“<型号>”所测一致

    例子:
      | 型号                  |
      | abbott-aeroset        |
      | arkray-spotchem       |
      | beckman-au            |
      | beckman-array         |
      | biomerieux-mini-vidas |
      | ciba-corning-1620     |
      | clinitek-100          |
      | coulter-jt            |
      | coulter-maxm          |
      | fuji-dri-chem         |
      | hemacell-plus         |
      | hitachi-7150          |
      | hitachi-7170          |
      | miditron-junior       |
      | nihon-kohden-celltak  |
      | sebia-hydrasys        |
      | siemens-dimension     |
      | sysmex-ca1500         |
      | sysmex-kx21           |
      | urit-strip            |
      | vitros-750            |

  @REQ-LAB-064 @id-lab-framed-trouble
  场景大纲: 有应答的链路出错一次，结果不丢、不重、不改
    假如 LIS已为检验设备“<型号>”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“<型号>”的项目
    而且 检验设备“<型号>”上传标本“管1”时，含“条码”的帧首次发送“<故障>”
    当 检验设备“<型号>”上传标本“管1”的结果
    那么 60秒内LIS中标本“管1”的结果应与检验设备“<型号>”所测一致

    例子:
      | 型号         | 故障       |
      | beckman-au   | 位错误     |
      | beckman-au   | 丢失       |
      | beckman-au   | 应答丢失   |
      | beckman-au   | 中途断线   |
      | beckman-au   | 前有杂音   |
      | hitachi-7170 | 重复到达   |
      | hitachi-7170 | 逐字节到达 |

  @REQ-LAB-064 @id-lab-framed-damaged-line
  场景: 无应答的链路上，损坏的一行不入库，也不改动别的结果
    假如 LIS已为检验设备“vitros-750”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“vitros-750”的项目
    而且 检验设备“vitros-750”上传标本“管1”时，含“fK+”的帧首次发送“位错误”
    当 检验设备“vitros-750”上传标本“管1”的结果
    那么 5秒内LIS中标本“管1”除项目“K”外的结果应与检验设备“vitros-750”所测一致

  @REQ-LAB-065 @id-lab-framed-query
  场景: AU 按条码查询，得到该管的待做项目
    假如 LIS已为检验设备“beckman-au”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“beckman-au”的项目
    而且 患者“乙”的标本“管2”已申请检验设备“beckman-au”的项目
    当 检验设备“beckman-au”查询标本“管1”的申请
    那么 1秒内检验设备“beckman-au”收到的申请应为标本“管1”的全部项目

  @REQ-LAB-063 @id-lab-framed-power-cut-before
  场景: 入库之前断电，未应答的帧由仪器重发
    假如 LIS已为检验设备“beckman-au”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“beckman-au”的项目
    而且 “LIS”将在下一次入库“之前”断电，随后重新启动
    当 检验设备“beckman-au”上传标本“管1”的结果
    那么 60秒内LIS中标本“管1”的结果应与检验设备“beckman-au”所测一致
